//! The body of every method of [`Store`], written once and compiled for each database.
//!
//! It is included by the module of a database, which supplies `Db`, `Connection`, `Pool`, `Backend`, `key_list`, `placeholder` and what
//! else must differ. Statements are portable constants beside the functions that run them.

mod acceptances;
mod access;
mod accounts;
mod audit;
mod baselines;
mod bulletins;
mod ca;
mod cells;
mod commit;
#[cfg(any(test, feature = "benchmarks"))]
mod copies;
mod counters;
mod days;
mod detail;
mod enrolment;
mod fleet;
mod guard;
mod health;
mod history;
mod index;
mod issue_lists;
mod knowledge;
mod lists;
mod machines;
mod moving;
mod places;
mod query;
mod secrets;
mod settings;
#[cfg(any(test, feature = "benchmarks"))]
mod sizes;
mod states;
mod status;
mod tokens;
mod updates;
mod views;
mod write;

#[cfg(test)]
pub(super) mod enumerated;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::filter::{Filter, TextField};
use uuid::Uuid;

use super::{
    ANATOMY, Backend, Connection, Db, SHARED, key_list, numbers_follow, placeholder, take_time,
    text_list,
};
#[cfg(any(test, feature = "benchmarks"))]
use super::{COMPACT, PARTS, TIDY, WHOLE};
#[cfg(any(test, feature = "benchmarks"))]
use crate::Sizes;
use crate::schema::CHAINED_SINCE;
use crate::unsealed::Sealable;
use crate::{
    AcceptanceRow, Access, AccountMade, AccountRow, AccountSource, ApiTokenRow, AuditQuery,
    AuditRow, Bulletins, CaProgress, CaRow, Cells, Committed, Concerned, Day, DayCounts, Deed,
    DeviceChange, DeviceDetail, DeviceIdentity, DeviceRow, DeviceState, DeviceStatus, EndedDevices,
    EnrolOutcome, EnrolRequest, Field, FleetCounts, HistoryRow, Imported, ImportedPack, InFleet,
    IssueCount, IssueDevice, IssuedCertificate, LearnedRow, ListedMachine, NewApiToken, NewAudit,
    NewSession, NewToken, News, Order, PackMark, Page, Profiled, ProfiledDevice, Result,
    RevisionCount, Scope, Seal, Secrets, SeenRevision, SessionRow, Sought, SourceCount, Store,
    Survey, TakenLink, TokenRow, Touch, Usage, Verified, ViewRow, ViewSaved, WrappedSecret,
};

#[async_trait]
impl Secrets for Backend {
    fn is_shared(&self) -> bool {
        SHARED
    }
    async fn secrets(&self) -> Result<Vec<WrappedSecret>> {
        secrets::all(self).await
    }
    async fn keep_secrets(&self, secrets: Vec<WrappedSecret>) -> Result<Vec<WrappedSecret>> {
        secrets::keep(self, secrets).await
    }
    async fn remove_secrets(&self, names: Vec<String>) -> Result<()> {
        secrets::remove(self, names).await
    }
}

#[async_trait]
impl Sealable for Backend {
    async fn take_seal(&self, seal: Arc<dyn Seal>, from: i64) -> Result<()> {
        self.set_seal(seal);
        // Lines of a version without a chain are chained now and never again: a record that lost its end later was tampered with. A database
        // that nothing was ever done with has no end where whoever made its tables came no further.
        let is_unsealed = from < CHAINED_SINCE
            || (!audit::has_end(self).await? && moving::is_unused(self).await?);
        if is_unsealed {
            audit::adopt(self).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Store for Backend {
    fn writes(&self) -> u64 {
        Backend::writes(self)
    }

    fn usage(&self) -> Usage {
        Backend::usage(self)
    }

    async fn size_bytes(&self) -> Result<u64> {
        Backend::size_bytes(self).await
    }

    async fn close(&self) {
        Backend::close(self).await;
    }

    #[cfg(any(test, feature = "benchmarks"))]
    async fn copy_devices(&self, copies: u32) -> Result<()> {
        copies::copy(self, copies).await
    }
    #[cfg(any(test, feature = "benchmarks"))]
    async fn sizes(&self) -> Result<Sizes> {
        sizes::of(self).await
    }
    #[cfg(any(test, feature = "benchmarks"))]
    async fn tidy(&self, anew: bool) -> Result<()> {
        sizes::tidy(self, anew).await
    }

    async fn cells(
        &self,
        scope: &Scope,
        issue: Option<&str>,
        filter: &Filter,
        fields: &[Field],
        order: Order,
        page: &Page,
    ) -> Result<Cells> {
        cells::page(self, scope, issue, filter, fields, order, page).await
    }
    async fn survey_devices(
        &self,
        scope: &Scope,
        filter: &Filter,
        fields: &[TextField],
    ) -> Result<Survey> {
        lists::survey(self, scope, DeviceStatus::Active, filter, fields).await
    }
    async fn survey_issue(
        &self,
        scope: &Scope,
        issue: &str,
        filter: &Filter,
        fields: &[TextField],
    ) -> Result<Survey> {
        issue_lists::survey(self, scope, issue, filter, fields).await
    }
    async fn search(&self, scope: &Scope, sought: &Sought) -> Result<InFleet> {
        lists::search(self, scope, sought).await
    }
    async fn forget_changes(&self) -> Result<u64> {
        index::forget_changes(self).await
    }

    async fn check_writable(&self, now: Time) -> Result<()> {
        health::check_writable(self, now).await
    }

    async fn create_token(&self, token: NewToken, by: &str) -> Result<TokenRow> {
        tokens::create(self, token, by).await
    }
    async fn tokens(&self) -> Result<Vec<TokenRow>> {
        tokens::all(self).await
    }
    async fn token(&self, hash: &[u8]) -> Result<Option<TokenRow>> {
        tokens::by_hash(self, hash).await
    }
    async fn revoke_token(&self, id: Uuid, by: &str, now: Time) -> Result<bool> {
        tokens::revoke(self, id, by, now).await
    }
    async fn enrol_all(&self, requests: Vec<EnrolRequest>) -> Result<Vec<EnrolOutcome>> {
        enrolment::enrol(self, requests).await
    }
    async fn device_by_key(&self, key_sha256: &[u8]) -> Result<Option<DeviceIdentity>> {
        enrolment::device_by_key(self, key_sha256).await
    }
    async fn fingerprint(&self, key: i64) -> Result<Option<String>> {
        enrolment::fingerprint(self, key).await
    }
    async fn record_certificates(&self, certificates: Vec<IssuedCertificate>) -> Result<Vec<bool>> {
        enrolment::record_certificates(self, certificates).await
    }
    async fn set_status(
        &self,
        ids: &[Uuid],
        status: DeviceStatus,
        deed: &Deed,
    ) -> Result<Vec<DeviceIdentity>> {
        status::set(self, ids, status, deed).await
    }
    async fn merge(&self, ids: &[Uuid], into: Uuid, deed: &Deed) -> Result<Vec<DeviceIdentity>> {
        status::merge(self, ids, into, deed).await
    }
    async fn delete_devices(&self, ids: &[Uuid], deed: &Deed) -> Result<Vec<DeviceIdentity>> {
        status::delete(self, ids, deed).await
    }
    async fn ephemeral_ended(
        &self,
        now: Time,
        listens_since: Time,
        limit: u32,
    ) -> Result<Vec<DeviceIdentity>> {
        status::ephemeral_ended(self, now, listens_since, limit).await
    }

    async fn ca(&self) -> Result<Vec<CaRow>> {
        ca::all(self).await
    }
    async fn change_ca(&self, seen: &[CaRow], wanted: &[CaRow], line: NewAudit) -> Result<bool> {
        ca::change(self, seen, wanted, line).await
    }
    async fn ca_progress(&self, since: Time, generation: u32) -> Result<CaProgress> {
        ca::progress(self, since, generation).await
    }

    async fn how_enrolled(&self, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>> {
        audit::how_enrolled(self, ids).await
    }
    async fn record(&self, lines: Vec<NewAudit>) -> Result<()> {
        audit::record(self, lines).await
    }
    async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditRow>> {
        audit::read(self, query).await
    }
    async fn verify_audit(&self) -> Result<Verified> {
        audit::verify(self).await
    }
    async fn seal_audit_anew(&self, line: NewAudit) -> Result<()> {
        audit::seal_anew(self, line).await
    }
    async fn cut_audit(&self, before: Time, at_most: u32, now: Time) -> Result<u64> {
        audit::cut(self, before, at_most, now).await
    }

    async fn written(&self, at_most: Duration) {
        Backend::written(self, at_most).await;
    }
    async fn lead(&self) -> Result<bool> {
        Backend::lead(self).await
    }
    async fn post(&self, sender: &str, bodies: &[String], now: Time) -> Result<()> {
        bulletins::post(self, sender, bodies, now).await
    }
    async fn bulletins(&self, read: Option<i64>, limit: u32) -> Result<Bulletins> {
        bulletins::after(self, read, limit).await
    }
    async fn forget_bulletins(&self, before: Time) -> Result<u64> {
        bulletins::forget(self, before).await
    }
    async fn ended_since(&self, seen: Option<i64>) -> Result<EndedDevices> {
        bulletins::ended(self, seen).await
    }
    async fn news(&self, follow: bool) -> Result<News> {
        index::news(self, follow).await
    }

    async fn import_machines(
        &self,
        machines: Vec<ListedMachine>,
        by: &str,
        now: Time,
    ) -> Result<Imported> {
        machines::import(self, machines, by, now).await
    }

    async fn load_states(&self, keys: &[i64]) -> Result<Vec<DeviceState>> {
        states::load(self, keys).await
    }
    async fn commit(&self, changes: &[DeviceChange]) -> Result<Vec<Committed>> {
        commit::commit(self, changes).await
    }
    async fn touch(&self, touches: &[Touch]) -> Result<()> {
        fleet::touch(self, touches).await
    }
    async fn due(&self, now: Time, limit: u32) -> Result<Vec<i64>> {
        fleet::due(self, now, limit).await
    }
    async fn keys_after(&self, concerned: &Concerned, after: i64, limit: u32) -> Result<Vec<i64>> {
        fleet::keys_after(self, concerned, after, limit).await
    }
    async fn source_counts(&self) -> Result<Vec<SourceCount>> {
        counters::sources(self).await
    }
    async fn source_counts_of(&self, filter: &Filter) -> Result<Vec<SourceCount>> {
        counters::sources_of(self, filter).await
    }
    async fn seen_revisions(&self) -> Result<Vec<SeenRevision>> {
        baselines::seen(self).await
    }
    async fn shared_client_ids(&self) -> Result<Vec<String>> {
        baselines::shared_client_ids(self).await
    }

    async fn profiles_after(
        &self,
        scope: &Scope,
        filter: &Filter,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Profiled>> {
        updates::after(self, scope, filter, after, limit).await
    }
    async fn profiled_devices(
        &self,
        scope: &Scope,
        filter: &Filter,
        page: &Page,
    ) -> Result<Vec<ProfiledDevice>> {
        updates::devices(self, scope, filter, page).await
    }
    async fn revision_counts(&self, scope: &Scope) -> Result<Vec<RevisionCount>> {
        updates::revisions(self, scope).await
    }
    async fn learned_updates(&self) -> Result<Vec<LearnedRow>> {
        updates::learned(self).await
    }
    async fn learn_updates(&self, rows: &[LearnedRow]) -> Result<()> {
        updates::learn(self, rows, None).await
    }
    async fn import_updates(&self, rows: &[LearnedRow], by: &str, now: Time) -> Result<()> {
        updates::learn(self, rows, Some((by, now))).await
    }

    async fn create_acceptance(&self, row: AcceptanceRow) -> Result<()> {
        acceptances::create(self, row).await
    }
    async fn acceptances(&self) -> Result<Vec<AcceptanceRow>> {
        acceptances::all(self).await
    }
    async fn end_acceptance(&self, id: Uuid, by: &str, now: Time) -> Result<bool> {
        acceptances::end(self, id, by, now).await
    }

    async fn issue_counts(&self, scope: &Scope) -> Result<Vec<IssueCount>> {
        counters::issues(self, scope).await
    }
    async fn fleet_counts(&self, scope: &Scope) -> Result<FleetCounts> {
        counters::fleet(self, scope).await
    }
    async fn issue_devices(
        &self,
        scope: &Scope,
        issue: &str,
        filter: &Filter,
        page: &Page,
    ) -> Result<Vec<IssueDevice>> {
        issue_lists::devices(self, scope, issue, filter, page).await
    }
    async fn count_issue_devices(
        &self,
        scope: &Scope,
        issue: &str,
        filter: &Filter,
    ) -> Result<u64> {
        issue_lists::count(self, scope, issue, filter).await
    }
    async fn devices(&self, scope: &Scope, filter: &Filter, page: &Page) -> Result<Vec<DeviceRow>> {
        lists::devices(self, scope, DeviceStatus::Active, filter, page).await
    }
    async fn devices_with_status(
        &self,
        scope: &Scope,
        status: DeviceStatus,
        filter: &Filter,
        page: &Page,
    ) -> Result<Vec<DeviceRow>> {
        lists::devices(self, scope, status, filter, page).await
    }
    async fn count_with_status(
        &self,
        scope: &Scope,
        status: DeviceStatus,
        filter: &Filter,
    ) -> Result<u64> {
        lists::count(self, scope, status, filter).await
    }
    async fn count_devices(&self, scope: &Scope, filter: &Filter) -> Result<u64> {
        lists::count(self, scope, DeviceStatus::Active, filter).await
    }
    async fn device(&self, scope: &Scope, id: Uuid) -> Result<Option<DeviceDetail>> {
        detail::device(self, scope, id).await
    }
    async fn device_ids(&self, scope: &Scope, keys: &[i64]) -> Result<Vec<DeviceIdentity>> {
        lists::ids(self, scope, keys).await
    }
    async fn recent_history(
        &self,
        scope: &Scope,
        limit: u32,
    ) -> Result<Vec<(DeviceIdentity, String, HistoryRow)>> {
        history::recent(self, scope, limit).await
    }
    async fn pack_history(&self, at_most: u32) -> Result<u64> {
        history::pack(self, at_most).await
    }
    async fn forget_history(&self, before: Time, at_most: u32) -> Result<u64> {
        history::forget(self, before, at_most).await
    }
    async fn history(
        &self,
        scope: &Scope,
        id: Uuid,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<HistoryRow>> {
        history::of_device(self, scope, id, before, limit).await
    }

    async fn create_sign_in_link(
        &self,
        hash: &[u8],
        account: Option<Uuid>,
        expires_at: Time,
        line: NewAudit,
    ) -> Result<()> {
        access::create_link(self, hash, account, expires_at, line).await
    }
    async fn take_sign_in_link(&self, hash: &[u8], now: Time) -> Result<Option<TakenLink>> {
        access::take_link(self, hash, now).await
    }
    async fn create_session(&self, session: NewSession, line: NewAudit) -> Result<()> {
        access::create_session(self, session, line).await
    }
    async fn session(&self, hash: &[u8], now: Time) -> Result<Option<SessionRow>> {
        access::session(self, hash, now).await
    }
    async fn sessions(&self, now: Time) -> Result<Vec<SessionRow>> {
        access::sessions(self, now).await
    }
    async fn session_seen(&self, id: Uuid, now: Time) -> Result<()> {
        access::session_seen(self, id, now).await
    }
    async fn session_checked(&self, id: Uuid, grant_sealed: Vec<u8>, now: Time) -> Result<()> {
        access::session_checked(self, id, grant_sealed, now).await
    }
    async fn end_session(&self, id: Uuid, line: NewAudit) -> Result<bool> {
        access::end_session(self, id, line).await
    }
    async fn create_account(
        &self,
        name: &str,
        access: &Access,
        by: &str,
        now: Time,
    ) -> Result<AccountMade> {
        accounts::create(self, name, access, by, now).await
    }
    async fn accounts(&self) -> Result<Vec<AccountRow>> {
        accounts::all(self).await
    }
    async fn account_of(&self, source: AccountSource, subject: &str) -> Result<Option<AccountRow>> {
        accounts::of_source(self, source, subject).await
    }
    async fn learn_account(
        &self,
        source: AccountSource,
        subject: &str,
        name: &str,
        access: Option<&Access>,
        now: Time,
    ) -> Result<AccountRow> {
        accounts::learn(self, source, subject, name, access, now).await
    }
    async fn set_access(&self, id: Uuid, access: &Access, by: &str, now: Time) -> Result<bool> {
        accounts::set_access(self, id, access, by, now).await
    }
    async fn set_password(
        &self,
        id: Uuid,
        password: &str,
        keeps: Option<Uuid>,
        by: &str,
        now: Time,
    ) -> Result<bool> {
        accounts::set_password(self, id, password, keeps, by, now).await
    }
    async fn set_disabled(&self, id: Uuid, disabled: bool, by: &str, now: Time) -> Result<bool> {
        accounts::set_disabled(self, id, disabled, by, now).await
    }
    async fn create_api_token(&self, token: NewApiToken) -> Result<ApiTokenRow> {
        access::create_api_token(self, token).await
    }
    async fn api_tokens(&self) -> Result<Vec<ApiTokenRow>> {
        access::api_tokens(self).await
    }
    async fn api_token(&self, hash: &[u8], now: Time) -> Result<Option<ApiTokenRow>> {
        access::api_token(self, hash, now).await
    }
    async fn api_token_used(&self, id: Uuid, now: Time) -> Result<()> {
        access::api_token_used(self, id, now).await
    }
    async fn revoke_api_token(&self, id: Uuid, by: &str, now: Time) -> Result<bool> {
        access::revoke_api_token(self, id, by, now).await
    }

    async fn setting(&self, name: &str) -> Result<Option<String>> {
        settings::get(self, name).await
    }
    async fn put_setting(&self, name: &str, json: &str, line: NewAudit) -> Result<()> {
        settings::put(self, name, json, line).await
    }
    async fn replace_setting(
        &self,
        name: &str,
        seen: Option<&str>,
        json: &str,
        line: NewAudit,
    ) -> Result<bool> {
        settings::replace(self, name, seen, json, line).await
    }

    async fn keep_days(&self, days: &[(Scope, DayCounts)], since: Day) -> Result<()> {
        days::keep(self, days, since).await
    }
    async fn days(&self, scope: &Scope, since: Day) -> Result<Vec<DayCounts>> {
        days::since(self, scope, since).await
    }
    async fn views(&self, owner: &str) -> Result<Vec<ViewRow>> {
        views::offered(self, owner).await
    }
    async fn save_view(&self, view: ViewRow) -> Result<ViewSaved> {
        views::save(self, view).await
    }
    async fn remove_view(&self, id: Uuid, owner: &str, also_shared: bool) -> Result<bool> {
        views::remove(self, id, owner, also_shared).await
    }

    async fn knowledge_mark(&self) -> Result<Option<PackMark>> {
        knowledge::mark(self).await
    }
    async fn knowledge_pack(&self) -> Result<Option<ImportedPack>> {
        knowledge::get(self).await
    }
    async fn put_knowledge_pack(&self, pack: ImportedPack) -> Result<()> {
        knowledge::put(self, pack).await
    }
    async fn remove_knowledge_pack(&self, by: &str, now: Time) -> Result<bool> {
        knowledge::remove(self, by, now).await
    }
}
