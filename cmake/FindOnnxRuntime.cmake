# Finds the headers of ONNX Runtime; the library is loaded at run time, so that none is linked.
# The version is that of the API: 29 for ONNX Runtime 1.29.
#
# Hint:    ONNXRUNTIME_ROOT (variable or environment), the folder that holds include/
# Results: OnnxRuntime_FOUND, OnnxRuntime_VERSION, target OnnxRuntime::Headers

find_path(OnnxRuntime_INCLUDE_DIR onnxruntime_cxx_api.h
  HINTS "${ONNXRUNTIME_ROOT}" ENV ONNXRUNTIME_ROOT
  PATH_SUFFIXES
    include include/onnxruntime include/onnxruntime/core/session
    onnxruntime onnxruntime/core/session
  DOC "Folder of onnxruntime_cxx_api.h")
mark_as_advanced(OnnxRuntime_INCLUDE_DIR)

if(OnnxRuntime_INCLUDE_DIR)
  file(STRINGS "${OnnxRuntime_INCLUDE_DIR}/onnxruntime_c_api.h" OnnxRuntime_VERSION
    REGEX "^#define ORT_API_VERSION [0-9]+")
  string(REGEX REPLACE ".* ([0-9]+).*" "\\1" OnnxRuntime_VERSION "${OnnxRuntime_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OnnxRuntime
  REQUIRED_VARS OnnxRuntime_INCLUDE_DIR
  VERSION_VAR OnnxRuntime_VERSION)

if(OnnxRuntime_FOUND AND NOT TARGET OnnxRuntime::Headers)
  add_library(OnnxRuntime::Headers INTERFACE IMPORTED)
  set_target_properties(OnnxRuntime::Headers PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${OnnxRuntime_INCLUDE_DIR}"
    INTERFACE_COMPILE_DEFINITIONS ORT_API_MANUAL_INIT)
endif()
