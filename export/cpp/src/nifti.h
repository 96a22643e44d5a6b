// NIfTI files, read and written by libnifti. FORMAT.md, sections 3.0 and 3.8.
#pragma once

#include <memory>
#include <string>

#include "volume.h"

struct nifti_image_deleter {
    void operator()(void* image) const;
};

// A volume and the header it came with, which says how the result is placed.
struct Scan {
    Volume volume;
    Grid grid;
    std::shared_ptr<void> header;
};

// Throws std::runtime_error for what is no single volume of finite numbers.
Scan read_scan(const std::string& path);

// Throws std::runtime_error for a name that cannot be written, or where a file is already.
void check_output(const std::string& path);

// Writes int16 (rounded and clipped) or float32 through a temporary neighbour. Throws std::runtime_error.
void write_like(const Scan& scan, const Volume& volume, bool int16, const std::string& path);
