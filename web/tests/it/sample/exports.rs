//! Lists as files.

use sickbay_diagnosis::issues;
use sickbay_web::links::ExportFormat;
use sickbay_web::pages::exports::{
    ColumnChoice, ExportForm, ExportLine, ExportsPage, Mistake, Progress,
};

use super::{Sample, ago};

const MINUTE: i64 = 60_000;

impl Sample<'_> {
    pub(crate) fn exports(&self) -> ExportsPage {
        let held = issues::get("safeguard-hold");
        let columns = [
            ("device_id", true),
            ("name", true),
            ("domain", true),
            ("ou", true),
            ("release", true),
            ("build", true),
            ("causes", true),
            ("cause_labels", false),
            ("summary", true),
            ("since", true),
            ("evidence", false),
            ("last_seen_at", true),
        ];
        let line = |minutes: i64, issue, format, expected, rows, progress| ExportLine {
            id: format!("019aaf3e-{minutes}"),
            issue,
            filter: self.say("ou:*Berlin* kind:client"),
            format,
            asked_at: ago(minutes * MINUTE),
            rows,
            expected,
            progress,
        };
        let href = "/api/v1/exports/019aaf3e/safeguard-hold.xlsx".to_owned();
        ExportsPage {
            chrome: self.chrome("Exports", None),
            form: Some(ExportForm {
                issue: held,
                filter: self.say("ou:*Berlin*"),
                matching: 31_208,
                columns: columns
                    .map(|(name, chosen)| ColumnChoice { name, chosen })
                    .to_vec(),
                format: ExportFormat::Xlsx,
            }),
            exports: vec![
                line(0, held, ExportFormat::Csv, 31_208, 0, Progress::Waiting),
                line(
                    1,
                    None,
                    ExportFormat::Xlsx,
                    480_000,
                    181_000,
                    Progress::Running,
                ),
                line(
                    9,
                    held,
                    ExportFormat::Xlsx,
                    31_208,
                    31_208,
                    Progress::Done {
                        bytes: 2_931_111,
                        href,
                    },
                ),
                line(
                    61,
                    None,
                    ExportFormat::Ndjson,
                    480_000,
                    12_000,
                    Progress::Failed {
                        why: self.say("The server may have no room left for it; its log says why."),
                    },
                ),
            ],
            kept_hours: 24,
            mistake: Some(Mistake::NoColumn),
        }
    }

    pub(crate) fn no_exports(&self) -> ExportsPage {
        ExportsPage {
            form: None,
            exports: Vec::new(),
            mistake: None,
            ..self.exports()
        }
    }
}
