#pragma once
// The style sheet of a report page: colours for light and dark that people with colour-blindness
// can tell apart (after Okabe and Ito, "Color Universal Design", 2008), and a layout from 320 px
// on.

#include <string_view>

namespace ptq {

std::string_view html_style();

}  // namespace ptq
