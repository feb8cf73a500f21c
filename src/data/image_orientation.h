#pragma once
// The orientation that a camera notes in EXIF: tag 0x0112 of the first directory (CIPA DC-008,
// 4.6.4). Free functions on values; any thread.

#include <cstdint>
#include <span>

#include "data/image.h"

namespace ptq {

// From an EXIF block, which begins with a TIFF header ("II*\0" or "MM\0*"). 1 (as stored) when the
// tag is missing, is none of 1..8 or the block is damaged, as image viewers do.
int exif_orientation(std::span<const uint8_t> exif);

// The image as it is meant to be seen. Orientations 5 to 8 swap width and height.
Image apply_orientation(Image image, int orientation);

}  // namespace ptq
