# Finds every library that rooms may link. Looks in CMAKE_PREFIX_PATH and ONNXRUNTIME_ROOT first,
# then in the folder that tools/bootstrap.sh fills (PTQ_DEPS_PREFIX, cache or environment variable).

if(NOT PTQ_DEPS_PREFIX AND DEFINED ENV{PTQ_DEPS_PREFIX})
  set(PTQ_DEPS_PREFIX "$ENV{PTQ_DEPS_PREFIX}")
endif()
if(NOT PTQ_DEPS_PREFIX)
  execute_process(
    COMMAND "${PROJECT_SOURCE_DIR}/tools/bootstrap.sh" --print-prefix
    OUTPUT_VARIABLE PTQ_DEPS_PREFIX OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_QUIET)
endif()
if(PTQ_DEPS_PREFIX)
  list(APPEND CMAKE_PREFIX_PATH "${PTQ_DEPS_PREFIX}")
endif()

# ptq_find_package(<name> [arguments of find_package...]): required, with advice when it is missing.
macro(ptq_find_package name)
  find_package(${name} ${ARGN} QUIET)
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR
      "ptq needs ${name} ${ARGN}, which was not found. Run tools/bootstrap.sh, which installs all "
      "dependencies, or tell CMake where it is: -DCMAKE_PREFIX_PATH=... (for ONNX Runtime's headers "
      "-DONNXRUNTIME_ROOT=...).\nSearched besides the system: ${CMAKE_PREFIX_PATH}")
  endif()
endmacro()

ptq_find_package(Threads)
ptq_find_package(Protobuf)  # before ONNX, whose package does not find it
ptq_find_package(ONNX CONFIG)
ptq_find_package(OnnxRuntime 29)
ptq_find_package(Eigen3 3.4)
ptq_find_package(CLI11)
ptq_find_package(fmt)
ptq_find_package(spdlog)
ptq_find_package(nlohmann_json)
ptq_find_package(OpenSSL)
ptq_find_package(JPEG)
ptq_find_package(PNG)
ptq_find_package(tomlplusplus)
ptq_find_package(PkgConfig)

# By pkg-config, as Debian's CMake package of libzip also asks for its command-line tools.
pkg_check_modules(libzip QUIET IMPORTED_TARGET libzip)
if(NOT libzip_FOUND)
  message(FATAL_ERROR "ptq needs libzip, which pkg-config did not find. Run tools/bootstrap.sh.")
endif()
