#include "fuzz/targets.h"

#include <array>

namespace ptq::fuzz {

std::span<const Target> targets() {
  static constexpr std::array<Target, 5> kTargets = {{{"npy", &npy},
                                                      {"npz", &npz},
                                                      {"safetensors", &safetensors},
                                                      {"jsonl", &jsonl},
                                                      {"statistics", &statistics}}};
  return kTargets;
}

}  // namespace ptq::fuzz
