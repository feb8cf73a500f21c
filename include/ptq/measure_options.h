#pragma once
// How calibration runs over the samples: what it counts, how it is split and resumed. Plain values.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ptq {

// An output of a stateful model that is fed back as an input of the next run.
struct StateLink {
  std::string output{};
  std::string input{};
  bool operator==(const StateLink&) const = default;
};

struct MeasureOptions {
  uint64_t batch = 1;               // samples of equal shapes that are run together
  std::string mask_input{};         // input [B,L] that is 0 where a token is padding; "" = none
  std::vector<StateLink> states{};  // they begin anew with each file; samples follow each other
  uint64_t max_memory = 0;          // bytes of this process; 0: no limit
  // Of the samples, those with position % shards == shard are taken.
  uint64_t shard = 0;
  uint64_t shards = 1;
  // Where a run that ends early leaves what it has, and so after every `checkpoint_every` samples
  // (0: not). Empty: nowhere. Whoever stores the result removes it.
  std::filesystem::path checkpoint{};
  uint64_t checkpoint_every = 0;
  bool resume = false;  // go on from the checkpoint, if there is one
};

}  // namespace ptq
