#include "schemas/fail_points.h"

#include "base/fail_point.h"

#ifdef OUTBOUND_FAIL_POINTS

bool fail_points_set(struct error *error)
{
    static const char *const names[] = {
#define POINT(name, roles, truth) name,
#include "schemas/fail_points.def"
#undef POINT
    };
    return fail_point_set(names, COUNT_OF(names), error);
}

#endif
