# Writes ${OUTPUT}: a C table ${TABLE}[] of ${TYPE} with the name and text of each *.${EXTENSION} of ${DIRECTORY},
# in order, and their number ${COUNT}, as ${HEADER} declares them.
# Run as: cmake -DDIRECTORY=… -DEXTENSION=… -DHEADER=… -DTYPE=… -DTABLE=… -DCOUNT=… -DOUTPUT=… -P embed.cmake
file(GLOB files ${DIRECTORY}/*.${EXTENSION})
list(SORT files)
set(table "#include \"${HEADER}\"\n\nconst ${TYPE} ${TABLE}[] = {\n")
foreach(path IN LISTS files)
    get_filename_component(name ${path} NAME_WE)
    file(READ ${path} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
    string(APPEND table "    {\"${name}\", (const char[]){${bytes}0}},\n")
endforeach()
string(APPEND table "};\n\nconst size_t ${COUNT} = sizeof ${TABLE} / sizeof *${TABLE};\n")
file(WRITE ${OUTPUT} "${table}")
