# How rooms, their tests and the program are declared.

# ptq_link_rooms(<target> <visibility> <rooms...>): links lower rooms. A room that has no CMakeLists.txt
# yet is skipped.
function(ptq_link_rooms target visibility)
  foreach(room IN LISTS ARGN)
    if(NOT room IN_LIST PTQ_ROOMS)
      message(FATAL_ERROR "${target}: there is no room '${room}'; rooms are: ${PTQ_ROOMS}")
    elseif(TARGET ptq_${room})
      target_link_libraries(${target} ${visibility} ptq_${room})
    elseif(EXISTS "${PROJECT_SOURCE_DIR}/src/${room}/CMakeLists.txt")
      message(FATAL_ERROR "${target}: room '${room}' does not stand on a lower floor")
    else()
      message(STATUS "${target}: room '${room}' is not there yet")
    endif()
  endforeach()
endfunction()

# ptq_add_room(<room> SOURCES <files...> [ROOMS <lower rooms...>] [PUBLIC <libs...>]
#              [PRIVATE <libs...>])
# Makes the static library ptq_<room> of files in src/<room>/. Includes read "<room>/<file>.h" and
# "ptq/<file>.h".
function(ptq_add_room room)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;ROOMS;PUBLIC;PRIVATE")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ptq_add_room(${room}): what is '${arg_UNPARSED_ARGUMENTS}'?")
  endif()
  set(target ptq_${room})
  add_library(${target} STATIC ${arg_SOURCES})
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}/include"
                                              "${PROJECT_SOURCE_DIR}/src")
  ptq_link_rooms(${target} PUBLIC ${arg_ROOMS})
  target_link_libraries(${target} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
endfunction()

# ptq_add_tests(<name> SOURCES <files...> [ROOMS <rooms...>] [LIBS <libs...>])
# Makes <name>_tests of files in tests/<name>/ and registers each test with CTest. Links ptq_<name>
# where <name> is a room. Tests find their files under the macro PTQ_SOURCE_DIR.
function(ptq_add_tests name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;ROOMS;LIBS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ptq_add_tests(${name}): what is '${arg_UNPARSED_ARGUMENTS}'?")
  endif()
  set(target ${name}_tests)
  add_executable(${target} ${arg_SOURCES})
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_compile_definitions(${target} PRIVATE PTQ_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(name IN_LIST PTQ_ROOMS)
    list(PREPEND arg_ROOMS ${name})
  endif()
  ptq_link_rooms(${target} PRIVATE ${arg_ROOMS})
  target_link_libraries(${target} PRIVATE ${arg_LIBS} GTest::gtest_main GTest::gmock)
  gtest_discover_tests(${target} DISCOVERY_TIMEOUT 60)
endfunction()

# ptq_add_program(SOURCES <files...> [ROOMS <rooms...>] [LIBS <libs...>])
# Makes the program `ptq` (target ptq_cli) of files in tools/ptq/.
function(ptq_add_program)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "SOURCES;ROOMS;LIBS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ptq_add_program: what is '${arg_UNPARSED_ARGUMENTS}'?")
  endif()
  add_executable(ptq_cli ${arg_SOURCES})
  target_compile_features(ptq_cli PRIVATE cxx_std_20)
  set_target_properties(ptq_cli PROPERTIES CXX_EXTENSIONS OFF OUTPUT_NAME ptq)
  target_include_directories(ptq_cli PRIVATE "${PROJECT_SOURCE_DIR}/include"
                                             "${PROJECT_SOURCE_DIR}/src"
                                             "${PROJECT_SOURCE_DIR}/tools")
  target_compile_definitions(ptq_cli PRIVATE PTQ_VERSION="${PROJECT_VERSION}")
  ptq_link_rooms(ptq_cli PRIVATE ${arg_ROOMS})
  target_link_libraries(ptq_cli PRIVATE ${arg_LIBS})
  include(GNUInstallDirs)
  install(TARGETS ptq_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endfunction()
