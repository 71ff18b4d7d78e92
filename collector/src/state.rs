//! The collector's own folder: key, certificates, epoch, base. (Being written.)
