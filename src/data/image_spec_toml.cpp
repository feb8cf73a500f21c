// Image specs in TOML. The one place that knows toml++.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "core/nearest_name.h"
#include "core/plain_toml.h"
#include "data/image_spec.h"
#include "data/image_spec_names.h"

namespace ptq {
namespace {

constexpr int kMaxSide = 16384;      // of a tensor
constexpr double kMaxNumber = 1e30;  // leaves room in float32
constexpr double kMinNumber = 1e-30;

[[noreturn]] void fail_at(std::string_view where, const toml::source_region& at,
                          std::string_view what) {
  refuse_image_spec(fmt::format("{}:{}:{}", where, at.begin.line, at.begin.column), what);
}

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "true or false";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::table:
      return "a table";
    default:
      return "a date or time";
  }
}

// One key of the file with its value; converts and refuses.
class Entry {
 public:
  Entry(std::string_view where, std::string_view key, const toml::node& node)
      : where_(where), key_(key), node_(node) {}

  [[noreturn]] void refuse(std::string_view expected) const {
    std::string found(type_name(node_));
    if (const auto text = node_.value<std::string_view>()) {
      found = fmt::format("'{}'", printable(*text, 60));
    } else if (const auto integer = node_.value_exact<int64_t>()) {
      found = fmt::format("{}", *integer);
    } else if (const auto number = node_.value_exact<double>()) {
      found = fmt::format("{}", *number);
    } else if (const auto truth = node_.value_exact<bool>()) {
      found = *truth ? "true" : "false";
    }
    fail_at(where_, node_.source(),
            fmt::format("key '{}': expected {}, found {}", key_, expected, found));
  }

  Entry element(size_t i) const { return {where_, key_, (*node_.as_array())[i]}; }
  size_t elements() const { return node_.is_array() ? node_.as_array()->size() : 0; }
  bool is_array() const { return node_.is_array(); }
  bool is_text() const { return node_.is_string(); }

  int integer(int low, int high) const {
    const auto value = node_.value_exact<int64_t>();
    if (!value || *value < low || *value > high) {
      refuse(fmt::format("a whole number from {} to {}", low, high));
    }
    return static_cast<int>(*value);
  }

  bool truth() const {
    const auto value = node_.value_exact<bool>();
    if (!value) {
      refuse("true or false");
    }
    return *value;
  }

  std::string text() const {
    const auto value = node_.value_exact<std::string>();
    if (!value || value->empty()) {
      refuse("a text in quotes");
    }
    return *value;
  }

  double number() const {
    const auto value = node_.is_number() ? node_.value<double>() : std::nullopt;
    if (!value || !(std::abs(*value) <= kMaxNumber)) {
      refuse("a number");
    }
    return *value;
  }

  double positive(double high, std::string_view expected) const {
    const auto value = node_.is_number() ? node_.value<double>() : std::nullopt;
    if (!value || !(*value >= kMinNumber && *value <= high)) {
      refuse(expected);
    }
    return *value;
  }

  template <typename T, size_t kSize>
  T word(const std::array<NamedValue<T>, kSize>& table) const {
    const auto value = node_.value_exact<std::string>();
    std::string names;
    for (const NamedValue<T>& row : table) {
      if (value && *value == row.name) {
        return row.value;
      }
      names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", row.name);
    }
    refuse("one of " + names);
  }

 private:
  std::string_view where_;
  std::string_view key_;
  const toml::node& node_;
};

// A number for all channels, or a list with one for each.
template <typename T, typename Read>
void read_channels(const Entry& entry, const ImageSpec& spec, std::array<T, 3>& out,
                   const Read& read) {
  const auto channels = static_cast<size_t>(spec.channels());
  if (!entry.is_array()) {
    out.fill(read(entry));
    return;
  }
  if (entry.elements() != channels) {
    entry.refuse(fmt::format("a number or a list of {} (order = \"{}\")", channels,
                             name_of(kChannelOrders, spec.order)));
  }
  for (size_t i = 0; i < channels; ++i) {
    out[i] = read(entry.element(i));
  }
}

void read_size(const Entry& entry, ImageSpec& spec) {
  if (!entry.is_array()) {
    spec.height = spec.width = entry.integer(1, kMaxSide);
    return;
  }
  if (entry.elements() != 2) {
    entry.refuse("a whole number, or [height, width]");
  }
  spec.height = entry.element(0).integer(1, kMaxSide);
  spec.width = entry.element(1).integer(1, kMaxSide);
}

// A number, or a text "1/255", which no decimal number writes exactly.
void read_scale(const Entry& entry, ImageSpec& spec) {
  constexpr std::string_view kExpected = "a positive number or a fraction in quotes (\"1/255\")";
  const bool is_text = entry.is_text();
  if (!is_text) {
    spec.scale = entry.positive(kMaxNumber, kExpected);
    return;
  }
  const std::string text = entry.text();
  double parts[2] = {};
  const char* at = text.data();
  const char* end = text.data() + text.size();
  for (int i = 0; i < 2; ++i) {
    const auto [next, error] = std::from_chars(at, end, parts[i]);
    const bool separated = i == 0 ? next != end && *next == '/' : next == end;
    if (error != std::errc() || !separated) {
      entry.refuse(kExpected);
    }
    at = i == 0 ? next + 1 : next;
  }
  spec.scale = parts[0] / parts[1];
  if (!(spec.scale >= kMinNumber && spec.scale <= kMaxNumber)) {
    entry.refuse(kExpected);
  }
}

bool always(const ImageSpec&) {
  return true;
}
bool resizes(const ImageSpec& spec) {
  return spec.resize != ResizeMode::kNone;
}
bool letterboxes(const ImageSpec& spec) {
  return spec.resize == ResizeMode::kLetterbox;
}
bool is_float(const ImageSpec& spec) {
  return spec.dtype == DType::kFloat;
}

struct Key {
  std::string_view name;
  void (*read)(const Entry&, ImageSpec&);
  bool (*applies)(const ImageSpec&);  // has a meaning, given the keys above it
  std::string_view applies_when;
  bool required;
};

// In the order of reading: keys that others depend on come first.
constexpr std::array<Key, 19> kKeys = {{
    {"input", [](const Entry& e, ImageSpec& s) { s.input = e.text(); }, always, "", false},
    {"size", read_size, always, "", true},
    {"resize", [](const Entry& e, ImageSpec& s) { s.resize = e.word(kResizeModes); }, always, "",
     true},
    {"shortest_side",
     [](const Entry& e, ImageSpec& s) { s.shortest_side = e.integer(1, kMaxSide); },
     [](const ImageSpec& s) { return s.resize == ResizeMode::kShortestSide; },
     "resize = \"shortest-side\"", true},
    {"crop_fraction",
     [](const Entry& e, ImageSpec& s) {
       s.crop_fraction = e.positive(1.0, "a number above 0, at most 1");
     },
     [](const ImageSpec& s) { return s.resize == ResizeMode::kCenterCrop; },
     "resize = \"center-crop\"", true},
    {"filter", [](const Entry& e, ImageSpec& s) { s.filter = e.word(kResizeFilters); }, resizes,
     "a resize other than \"none\"", true},
    {"antialias", [](const Entry& e, ImageSpec& s) { s.antialias = e.truth(); }, resizes,
     "a resize other than \"none\"", false},
    {"order", [](const Entry& e, ImageSpec& s) { s.order = e.word(kChannelOrders); }, always, "",
     true},
    {"pad_color",
     [](const Entry& e, ImageSpec& s) {
       read_channels(e, s, s.pad_color, [](const Entry& level) {
         return static_cast<uint8_t>(level.integer(0, 255));
       });
     },
     letterboxes, "resize = \"letterbox\"", true},
    {"placement", [](const Entry& e, ImageSpec& s) { s.placement = e.word(kPlacements); },
     letterboxes, "resize = \"letterbox\"", true},
    {"fit_rounding", [](const Entry& e, ImageSpec& s) { s.fit_rounding = e.word(kRoundings); },
     letterboxes, "resize = \"letterbox\"", false},
    {"enlarge", [](const Entry& e, ImageSpec& s) { s.enlarge = e.truth(); }, letterboxes,
     "resize = \"letterbox\"", false},
    {"exif_orientation", [](const Entry& e, ImageSpec& s) { s.exif_orientation = e.truth(); },
     always, "", false},
    {"layout", [](const Entry& e, ImageSpec& s) { s.layout = e.word(kLayouts); }, always, "", true},
    {"dtype", [](const Entry& e, ImageSpec& s) { s.dtype = e.word(kImageDtypes); }, always, "",
     true},
    {"scale", read_scale, is_float, "dtype = \"float32\"", true},
    {"mean",
     [](const Entry& e, ImageSpec& s) {
       read_channels(e, s, s.mean, [](const Entry& number) { return number.number(); });
     },
     is_float, "dtype = \"float32\"", true},
    {"std",
     [](const Entry& e, ImageSpec& s) {
       read_channels(e, s, s.std, [](const Entry& number) {
         return number.positive(kMaxNumber, "a positive number");
       });
     },
     is_float, "dtype = \"float32\"", true},
    {"preset", nullptr, always, "", false},  // read before all others
}};

void check_names(const toml::table& table, std::string_view where) {
  std::vector<std::string> names;
  names.reserve(kKeys.size());
  for (const Key& key : kKeys) {
    names.emplace_back(key.name);
  }
  for (const auto& [key, node] : table) {
    if (std::ranges::find(names, key.str()) != names.end()) {
      continue;
    }
    const std::string hint = nearest_name(key.str(), names);
    fail_at(where, key.source(),
            fmt::format("unknown key '{}'; {}", printable(key.str(), 60),
                        hint.empty() ? fmt::format("the keys are {}", fmt::join(names, ", "))
                                     : fmt::format("did you mean '{}'?", hint)));
  }
}

template <typename T>
bool all_equal(const std::array<T, 3>& values) {
  return values[0] == values[1] && values[1] == values[2];
}

// Whether the preset that the file begins with gives `key` a value that holds for `spec`. Values by
// channel do not survive a change of the order.
bool preset_has(const ImagePreset* preset, const Key& key, const ImageSpec& spec) {
  if (preset == nullptr || !key.applies(preset->spec)) {
    return false;
  }
  return preset->spec.order == spec.order || (key.name == "mean"        ? all_equal(spec.mean)
                                              : key.name == "std"       ? all_equal(spec.std)
                                              : key.name == "pad_color" ? all_equal(spec.pad_color)
                                                                        : true);
}

const ImagePreset* read_preset(const toml::table& table, std::string_view where) {
  const toml::node* node = table.get("preset");
  if (node == nullptr) {
    return nullptr;
  }
  const auto name = node->value_exact<std::string>();
  const ImagePreset* preset = name ? find_image_preset(*name) : nullptr;
  if (preset == nullptr) {
    Entry(where, "preset", *node).refuse("one of " + image_preset_names());
  }
  return preset;
}

ImageSpec read_table(const toml::table& table, std::string_view where) {
  check_names(table, where);
  const ImagePreset* preset = read_preset(table, where);
  ImageSpec spec = preset == nullptr ? ImageSpec{} : preset->spec;
  for (const Key& key : kKeys) {
    const toml::node* node = key.read == nullptr ? nullptr : table.get(key.name);
    const bool applies = key.applies(spec);
    if (node != nullptr && !applies) {
      fail_at(
          where, node->source(),
          fmt::format("key '{}' has no meaning here: it goes with {}", key.name, key.applies_when));
    }
    if (node != nullptr) {
      key.read(Entry(where, key.name, *node), spec);
    } else if (applies && key.required && !preset_has(preset, key, spec)) {
      refuse_image_spec(
          where, fmt::format("the key '{}' is missing{}; nothing is guessed (docs/images.md lists "
                             "the keys, preset = \"NAME\" fills them)",
                             key.name,
                             key.applies_when.empty()
                                 ? std::string()
                                 : fmt::format(", which {} needs", key.applies_when)));
    }
  }
  check_image_spec(spec, where);
  return spec;
}

}  // namespace

ImageSpec parse_image_spec(std::string_view text, std::string_view where) {
  if (const std::optional<TomlOffence> offence = find_toml_offence(text)) {
    refuse_image_spec(fmt::format("{}:{}:{}", where, offence->line, offence->column),
                      offence->what);
  }
  try {
    return read_table(toml::parse(text), where);
  } catch (const toml::parse_error& error) {
    fail_at(where, error.source(),
            fmt::format("no valid TOML: {}", printable(error.description())));
  }
}

}  // namespace ptq
