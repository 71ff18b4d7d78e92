//! Statements as constants beside the code that runs them, each enumerated so that a test prepares it on every database.

/// Declares statements and their list.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* const $name: &str = $sql;)*

        /// Every statement of this module with its name.
        #[cfg(test)]
        pub(super) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name),)*];
    };
}

/// The columns of `device d` that [`crate::DeviceRow`] is made of.
macro_rules! device_columns {
    () => {
        "d.key, d.id, d.status, d.name, d.domain, d.ou, d.site, d.kind, d.release, d.build, d.ubr, d.edition, d.arch, d.client_id, d.stack, \
         d.tags, d.reported_tags, \
         d.source_quality, d.source_feature, d.source_driver, d.source_other, d.primary_issue, d.open_count, d.serious_count, \
         d.unknown_count, d.accepted_count, d.last_seen_at, d.last_report_at, d.enrolled_at"
    };
}

/// The columns of `finding f` that [`crate::Finding`] is made of.
macro_rules! finding_columns {
    () => {
        "f.device_key, f.issue, f.state, f.severity, f.summary, f.causes, f.since, f.changed_at, f.accepted_until"
    };
}
