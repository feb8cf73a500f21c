#include "report/local_paths.h"

#include <gtest/gtest.h>

namespace ptq {
namespace {

Json document(const std::string& model, const std::string& command) {
  return {{"inputs", {{{"path", model}}}}, {"verdict", {{"command", command}}}};
}

TEST(LocalPaths, CommandsKeepFileNames) {
  Json json = document("/home/me/models/a net.onnx",
                       "ptq quantize '/home/me/models/a net.onnx' --data /srv/calib/ --data "
                       "x=/srv/x.bin --keep-float /conv/Conv -o '/home/me/models/a net.int8.onnx'");
  hide_local_folders({&json});
  EXPECT_EQ(json["verdict"]["command"],
            "ptq quantize 'a net.onnx' --data calib/ --data x=x.bin --keep-float /conv/Conv -o "
            "'a net.int8.onnx'");
  EXPECT_EQ(json["inputs"][0]["path"], "a net.onnx");
}

TEST(LocalPaths, MessagesKeepFileNamesAndSamplesTheirFolder) {
  Json json = document("/m.onnx", "ptq quantize /m.onnx --data /srv/calib -o /m.int8.onnx");
  json["warnings"] = {"/tmp/x/a.npz: 3 samples", "read /tmp/x/b.npy[7], /m.onnx",
                      "/srv/calib/shop/7.npz[2] is constant"};
  json["samples"] = {"/srv/calib/7.npz[2]", "/srv/calibration/8.npz"};
  json["layers"] = {{{"node", "/layer.1/conv/Conv"}, {"message", "/layer.1/conv/Conv: bad"}},
                    {{"node", "/m.onnx/Conv"}, {"message", ""}}};
  Json other = {{"warnings", {"/srv/calib: few"}}};
  hide_local_folders({&json, &other});
  EXPECT_EQ(json["warnings"],
            Json({"a.npz: 3 samples", "read b.npy[7], m.onnx", "calib/shop/7.npz[2] is constant"}));
  EXPECT_EQ(json["samples"], Json({"calib/7.npz[2]", "8.npz"}));
  EXPECT_EQ(json["layers"][0]["node"], "/layer.1/conv/Conv");
  EXPECT_EQ(json["layers"][0]["message"], "/layer.1/conv/Conv: bad");
  EXPECT_EQ(other["warnings"][0], "calib: few");
}

TEST(LocalPaths, WhatTheUserTypedRelativelyStays) {
  Json json = document("models/net.onnx", "ptq quantize models/net.onnx --data ../calib");
  const Json before = json;
  hide_local_folders({&json});
  EXPECT_EQ(json, before);
}

}  // namespace
}  // namespace ptq
