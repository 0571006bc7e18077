#include <criterion/criterion.h>
#include <criterion/options.h>

/* The slow tests wait for time-outs and for Kafka's groups to settle: more of them at once than processors.
 */
__attribute__((constructor)) static void more_jobs(void)
{
    criterion_options.jobs = 8;
}
