#pragma once
// Random damage to the bytes of a file, the same for the same generator. Free functions.

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>

namespace ptq::testing {

using Random = std::mt19937;

inline size_t pick(Random& random, size_t count) {
  return std::uniform_int_distribution<size_t>(0, count - 1)(random);
}

// One to four edits: a byte, a bit, a run removed, repeated or overwritten, an end cut off.
inline std::string mutate(std::string bytes, Random& random) {
  for (size_t edits = 1 + pick(random, 4); edits > 0 && !bytes.empty(); --edits) {
    const size_t at = pick(random, bytes.size());
    const size_t run = 1 + pick(random, std::min<size_t>(16, bytes.size() - at));
    switch (pick(random, 6)) {
      case 0:
        bytes[at] = static_cast<char>(pick(random, 256));
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << pick(random, 8)));
        break;
      case 2:
        bytes.erase(at, run);
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, run));
        break;
      case 4:
        bytes.replace(at, run, std::string(run, pick(random, 2) == 0 ? '\xff' : '9'));
        break;
      default:
        bytes.resize(std::max<size_t>(1, bytes.size() - run));
        break;
    }
  }
  return bytes;
}

}  // namespace ptq::testing
