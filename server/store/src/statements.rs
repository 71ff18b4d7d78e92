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

/// The columns of `account` that [`crate::AccountRow`] is made of.
macro_rules! account_columns {
    () => {
        "id, source, subject, name, role, scope, password, created_at, signed_in_at, disabled_at"
    };
}

/// A session `s` with its person, where it names one.
macro_rules! session_columns {
    () => {
        "SELECT s.id AS session_id, s.csrf, s.address, s.agent, s.grant_sealed, s.created_at AS session_created_at, s.seen_at, s.checked_at, \
         s.expires_at, s.account AS session_account, COALESCE(a.id, '') AS id, COALESCE(a.source, 0) AS source, \
         COALESCE(a.subject, '') AS subject, COALESCE(a.name, '') AS name, COALESCE(a.role, 0) AS role, COALESCE(a.scope, '') AS scope, \
         COALESCE(a.password, '') AS password, COALESCE(a.created_at, 0) AS created_at, a.signed_in_at, a.disabled_at \
         FROM session s LEFT JOIN account a ON a.id = s.account"
    };
}

/// The columns of `api_token` that [`crate::ApiTokenRow`] is made of.
macro_rules! token_columns {
    () => {
        "id, name, role, scope, made_by, created_at, used_at, expires_at, revoked_at"
    };
}
