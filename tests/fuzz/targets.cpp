#include "fuzz/targets.h"

#include <array>

namespace ptq::fuzz {

std::span<const Target> targets() {
  static constexpr std::array<Target, 7> kTargets = {{{"npy", &npy},
                                                      {"npz", &npz},
                                                      {"safetensors", &safetensors},
                                                      {"jsonl", &jsonl},
                                                      {"image", &image},
                                                      {"image_spec", &image_spec},
                                                      {"statistics", &statistics}}};
  return kTargets;
}

}  // namespace ptq::fuzz
