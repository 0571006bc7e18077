# Writes ${OUTPUT}: a C table with the name and text of each migration in ${DIRECTORY}, in order.
# Run as: cmake -DDIRECTORY=… -DOUTPUT=… -P embed.cmake
file(GLOB migrations ${DIRECTORY}/*.sql)
list(SORT migrations)
set(table "#include \"schemas/migrate.h\"\n\nconst struct migration migrations[] = {\n")
foreach(path IN LISTS migrations)
    get_filename_component(name ${path} NAME_WE)
    file(READ ${path} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(APPEND table "    {\"${name}\", (const char[]){${bytes}0}},\n")
endforeach()
string(APPEND table "};\n\nconst size_t migration_count = sizeof migrations / sizeof *migrations;\n")
file(WRITE ${OUTPUT} "${table}")
