// Round-to-nearest: every number becomes the nearest level of its block, whatever becomes of the others.
#pragma once

#include "compress/quantize/matrix_coder.h"
#include "compress/quantize/matrix_source.h"

namespace tidemill {

// Fits and stores all blocks of `source`.
ErrorSums round_matrix(ThreadPool& pool, const MatrixSource& source, ScaleSearch search, MatrixCoder& coder);

}  // namespace tidemill
