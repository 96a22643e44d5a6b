#include "nifti.h"

#include <nifti2_io.h>

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace fs = std::filesystem;

namespace {

using Image = std::unique_ptr<nifti_image, nifti_image_deleter>;

[[noreturn]] void refuse(const std::string& path, const std::string& reason) {
    throw std::runtime_error(path + ": " + reason);
}

Eigen::Matrix4d affine_of(const nifti_image& image) {
    Eigen::Matrix4d affine = Eigen::Matrix4d::Identity();
    if (image.sform_code > 0 || image.qform_code > 0) {
        const nifti_dmat44& form = image.sform_code > 0 ? image.sto_xyz : image.qto_xyz;
        for (int i = 0; i < 4; ++i)
            for (int j = 0; j < 4; ++j) affine(i, j) = form.m[i][j];
        return affine;
    }
    const double sizes[3] = {-image.dx, image.dy, image.dz};
    const int64_t shape[3] = {image.nx, image.ny, image.nz};
    for (int i = 0; i < 3; ++i) {
        affine(i, i) = sizes[i];
        affine(i, 3) = -sizes[i] * (shape[i] - 1) / 2.0;
    }
    return affine;
}

// libnifti's own reader turns NaN into 0, so the bytes are read here.
std::vector<char> bytes_of(const nifti_image& image, const std::string& path) {
    std::vector<char> data(std::size_t(image.nvox) * std::size_t(image.nbyper));
    znzFile file = znzopen(image.iname, "rb", nifti_is_gzfile(image.iname));
    if (znz_isnull(file)) refuse(path, "cannot be opened.");
    znzseek(file, znz_off_t(image.iname_offset), SEEK_SET);
    const std::size_t found = znzread(data.data(), 1, data.size(), file);
    znzclose(file);
    if (found != data.size()) refuse(path, "ends too early.");
    if (image.swapsize > 1 && image.byteorder != nifti_short_order())
        nifti_swap_Nbytes(image.nvox, image.swapsize, data.data());
    return data;
}

template <typename T>
void convert(const std::vector<char>& data, double slope, double inter, std::vector<float>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        T stored;
        std::memcpy(&stored, &data[i * sizeof(T)], sizeof(T));
        values[i] = float(double(stored) * slope + inter);
    }
}

using Converter = void (*)(const std::vector<char>&, double, double, std::vector<float>&);

Converter converter_of(int datatype, const std::string& path) {
    switch (datatype) {
        case NIFTI_TYPE_UINT8:
            return convert<std::uint8_t>;
        case NIFTI_TYPE_INT8:
            return convert<std::int8_t>;
        case NIFTI_TYPE_INT16:
            return convert<std::int16_t>;
        case NIFTI_TYPE_UINT16:
            return convert<std::uint16_t>;
        case NIFTI_TYPE_INT32:
            return convert<std::int32_t>;
        case NIFTI_TYPE_UINT32:
            return convert<std::uint32_t>;
        case NIFTI_TYPE_INT64:
            return convert<std::int64_t>;
        case NIFTI_TYPE_UINT64:
            return convert<std::uint64_t>;
        case NIFTI_TYPE_FLOAT32:
            return convert<float>;
        case NIFTI_TYPE_FLOAT64:
            return convert<double>;
        default:
            refuse(path, "has voxels of an unsupported type (" + std::string(nifti_datatype_string(datatype)) + ").");
    }
}

void check_placed(const Eigen::Matrix4d& affine, const std::string& path) {
    const Eigen::Vector3d sizes = voxel_sizes(affine);
    Eigen::Matrix3d columns = affine.topLeftCorner<3, 3>();
    columns.colwise().normalize();
    if (!affine.allFinite() || sizes.minCoeff() < 1e-4 || sizes.maxCoeff() > 1e4 ||
        std::abs(columns.determinant()) < 1e-3)
        refuse(path, "has an affine that cannot place voxels in a patient.");
}

void copy_forms(const nifti_image& from, const Eigen::Matrix4d& affine, nifti_image& to) {
    to.qform_code = from.qform_code;
    to.sform_code = from.sform_code;
    to.quatern_b = from.quatern_b;
    to.quatern_c = from.quatern_c;
    to.quatern_d = from.quatern_d;
    to.qoffset_x = from.qoffset_x;
    to.qoffset_y = from.qoffset_y;
    to.qoffset_z = from.qoffset_z;
    to.qfac = from.qfac;
    to.dx = to.pixdim[1] = from.dx;
    to.dy = to.pixdim[2] = from.dy;
    to.dz = to.pixdim[3] = from.dz;
    to.qto_xyz = from.qto_xyz;
    to.sto_xyz = from.sto_xyz;
    to.xyz_units = NIFTI_UNITS_MM;
    if (from.qform_code > 0 || from.sform_code > 0) return;
    to.sform_code = NIFTI_XFORM_ALIGNED_ANAT;
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) to.sto_xyz.m[i][j] = affine(i, j);
}

void store(const Volume& volume, bool int16, void* data) {
    if (!int16) {
        std::memcpy(data, volume.values.data(), volume.values.size() * sizeof(float));
        return;
    }
    auto* stored = static_cast<std::int16_t*>(data);
    for (std::size_t i = 0; i < volume.values.size(); ++i)
        stored[i] = std::int16_t(std::clamp(std::nearbyint(volume.values[i]), -32768.0f, 32767.0f));
}

// libnifti does not say whether everything was written, so it is read back.
bool holds(const std::string& path, const nifti_image& image) {
    const Image found(fs::exists(path) ? nifti_image_read(path.c_str(), 0) : nullptr);
    if (!found || found->nvox != image.nvox || found->nbyper != image.nbyper) return false;
    try {
        const std::vector<char> data = bytes_of(*found, path);
        return std::memcmp(data.data(), image.data, data.size()) == 0;
    } catch (const std::runtime_error&) {
        return false;
    }
}

}  // namespace

void nifti_image_deleter::operator()(void* image) const { nifti_image_free(static_cast<nifti_image*>(image)); }

Scan read_scan(const std::string& path) {
    nifti_set_debug_level(0);
    if (!fs::is_regular_file(path)) refuse(path, "there is no such file.");
    Image image(nifti_image_read(path.c_str(), 0));
    if (!image) refuse(path, "is no readable NIfTI file.");
    const Shape shape{long(image->nx), long(image->ny), long(image->nz)};
    if (image->nvox != image->nx * image->ny * image->nz) refuse(path, "holds more than one volume.");
    const Converter converted = converter_of(image->datatype, path);
    const bool scaled = std::isfinite(image->scl_slope) && image->scl_slope != 0;
    Scan scan{Volume(shape), {shape, affine_of(*image)}, nullptr};
    check_placed(scan.grid.affine, path);
    converted(bytes_of(*image, path), scaled ? image->scl_slope : 1, scaled ? image->scl_inter : 0, scan.volume.values);
    for (const float value : scan.volume.values)
        if (!std::isfinite(value)) refuse(path, "holds NaN or infinite voxels.");
    scan.header = std::shared_ptr<void>(image.release(), nifti_image_deleter());
    return scan;
}

void check_output(const std::string& path) {
    const bool packed = path.size() > 7 && path.compare(path.size() - 7, 7, ".nii.gz") == 0;
    if (!packed && fs::path(path).extension() != ".nii") refuse(path, "must end in .nii or .nii.gz.");
    if (fs::exists(path)) refuse(path, "is already there.");
    if (!fs::is_directory(fs::absolute(path).parent_path())) refuse(path, "lies in a folder that is not there.");
}

void write_like(const Scan& scan, const Volume& volume, bool int16, const std::string& path) {
    const int64_t dims[8] = {3, volume.shape[0], volume.shape[1], volume.shape[2], 1, 1, 1, 1};
    if (*std::max_element(dims, dims + 8) > 32767) refuse(path, "would have too many voxels along an axis.");
    Image image(nifti_make_new_nim(dims, int16 ? NIFTI_TYPE_INT16 : NIFTI_TYPE_FLOAT32, 1));
    if (!image) refuse(path, "does not fit into memory.");
    copy_forms(*static_cast<nifti_image*>(scan.header.get()), scan.grid.affine, *image);
    image->scl_slope = 1;
    store(volume, int16, image->data);
    const fs::path whole(path), part = whole.parent_path() / (".part-" + whole.filename().string());
    nifti_set_filenames(image.get(), part.c_str(), 0, 1);
    nifti_image_write(image.get());
    if (!holds(part.string(), *image)) {
        fs::remove(part);
        refuse(path, "could not be written; is the disk full?");
    }
    fs::rename(part, whole);
}
