//! The page of exports, and the formats that lists offer.

use crate::links::ExportFormat;
use crate::pages::exports::Mistake;

/// The list of all devices.
pub(crate) const ALL_DEVICES: &str = "All devices";

/// The name of a format as people write it.
pub(crate) const fn format(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Csv => "CSV",
        ExportFormat::Xlsx => "Excel",
        ExportFormat::Json => "JSON",
        ExportFormat::Ndjson => "NDJSON",
    }
}

/// Why a form did nothing.
pub(crate) const fn mistake(mistake: Mistake) -> &'static str {
    match mistake {
        Mistake::NoColumn => "Choose at least one column.",
    }
}
