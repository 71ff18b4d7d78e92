//! What every database must do, written once against `dyn Store`. A further database joins with one line at the end of this file.
#![expect(clippy::unwrap_used, reason = "tests")]

mod access;
mod both;
mod counters;
mod days;
mod enrolment;
mod filters;
mod fixture;
mod fleet_knowledge;
mod history;
mod ingest;
mod jobs;
mod knowledge;
mod lists;
mod machines;
mod opening;
mod orders;
mod record;
mod search;
mod secrets;
mod servers;
mod status;
mod tags;
mod updates;
mod usage;
mod views;

/// Makes one test of each function for a database.
macro_rules! conformance {
    ($database:ident: $($module:ident :: $test:ident),* $(,)?) => {
        mod $database {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    crate::$module::$test(crate::fixture::$database().await).await;
                }
            )*
        }
    };
}

/// Every promise, for the databases named in it.
macro_rules! on_every_database {
    ($($database:ident),*) => {
        $(conformance! {
            $database:
            access::a_sign_in_link_works_once_and_not_after_its_end,
            record::a_record_that_nobody_touched_is_sound,
            record::whatever_is_done_to_the_record_is_found_and_stays_found,
            record::old_lines_go_in_steps_and_what_is_left_is_still_proven,
            record::what_lost_its_seal_is_not_chained_again_by_another_migration,
            record::a_record_is_sealed_anew_only_by_an_order_that_stands_in_it,
            record::the_record_is_searched_by_who_what_and_when,
            secrets::the_first_secret_of_a_name_stays_and_one_key_wraps_them_all,
            secrets::of_keys_that_come_at_once_one_wins,
            secrets::a_database_without_an_end_is_sealed_only_where_nothing_was_ever_done,
            access::a_session_lives_until_it_ends_or_is_ended,
            access::what_an_account_may_do_counts_at_once_in_its_sessions,
            access::another_password_ends_every_other_session_and_link,
            access::a_directory_says_what_its_people_may_do_and_changes_are_recorded,
            access::an_api_token_is_found_by_its_hash_until_revoked_or_over,
            access::settings_keep_the_last_value,
            access::the_database_says_that_it_can_be_written,
            counters::counters_equal_a_recount_after_anything,
            counters::copies_are_like_their_originals_and_counted,
            counters::a_scope_counts_only_what_it_shows,
            orders::every_order_says_each_device_once_and_follows_its_field,
            orders::a_list_goes_on_where_it_was_left_though_the_last_word_is_gone,
            days::a_day_is_what_was_counted_last_and_old_ones_are_forgotten,
            days::a_day_has_its_number_and_its_start,
            views::a_view_is_its_owners_unless_it_is_for_everybody,
            views::a_view_is_removed_by_its_owner_and_a_shared_one_by_who_may,
            views::nobody_keeps_more_views_than_they_may,
            enrolment::a_key_enrols_once_and_costs_one_use,
            enrolment::certificates_that_ended_go_with_the_next_one_and_the_newest_stays,
            enrolment::a_use_limit_is_exact_when_many_come_at_once,
            enrolment::each_refusal_of_a_token_has_its_reason,
            enrolment::tokens_are_listed_newest_first,
            enrolment::a_token_is_found_by_its_hash_whatever_became_of_it,
            enrolment::an_approving_token_makes_active_devices,
            enrolment::a_renewed_key_joins_its_device_and_a_foreign_one_never_moves,
            enrolment::who_left_the_fleet_meanwhile_gets_no_certificate_and_no_line,
            enrolment::the_list_lets_in_whom_it_names_and_nobody_into_a_held_place,
            enrolment::who_waits_for_the_list_comes_in_once_nothing_stands_in_the_way,
            enrolment::a_token_is_for_its_scope_and_its_rate,
            enrolment::many_enrol_in_one_transaction_as_if_one_after_the_other,
            filters::index_sql_and_evaluation_agree,
            filters::lists_follow_whatever_another_process_writes,
            filters::texts_of_devices_cannot_break_out_of_sql,
            fleet_knowledge::a_revision_is_seen_once_five_devices_had_it,
            fleet_knowledge::a_whole_fleet_that_installs_an_update_in_one_batch_makes_one_baseline,
            fleet_knowledge::an_id_that_several_active_devices_have_is_shared,
            fleet_knowledge::sources_of_a_scope_are_those_of_its_devices,
            fleet_knowledge::what_a_collector_says_when_it_connects_is_kept,
            fleet_knowledge::an_acceptance_is_kept_and_ends_once,
            history::history_pages_backwards_and_keeps_every_change,
            history::old_history_goes_in_steps_the_oldest_first,
            history::old_history_goes_out_of_pages_too,
            history::packed_history_reads_as_it_did,
            history::the_fleets_history_names_devices_in_scope,
            ingest::a_report_is_read_back_whole,
            ingest::a_change_of_an_older_version_is_a_conflict_and_harms_no_other,
            ingest::two_changes_of_a_device_in_one_batch_follow_each_other,
            ingest::a_diagnosis_without_a_report_leaves_facts_and_mark,
            ingest::large_batches_are_durable_in_one_go,
            ingest::a_nul_in_a_text_harms_nobody_else_in_the_batch,
            jobs::touch_never_moves_backwards,
            jobs::due_devices_come_oldest_first,
            jobs::the_walk_through_the_fleet_meets_each_active_device_once,
            jobs::sources_are_counted_per_class,
            knowledge::one_knowledge_pack_is_kept_byte_for_byte_until_another_or_none,
            lists::devices_page_by_name_then_key_without_gap_or_repeat,
            lists::a_renamed_device_moves_in_every_list,
            lists::a_device_that_changes_its_name_all_the_time_does_not_fill_the_record,
            lists::findings_of_an_issue_page_and_group_by_cause,
            lists::causes_follow_the_finding,
            lists::what_is_outside_the_scope_does_not_exist,
            lists::a_device_is_told_whole,
            lists::tags_of_the_token_stay_and_reported_ones_come_and_go,
            machines::a_listed_machine_is_a_finding_and_no_device,
            machines::an_import_replaces_the_list_as_a_whole,
            machines::a_device_of_any_status_speaks_for_its_machine,
            machines::who_enrols_or_takes_a_name_leaves_the_list,
            machines::only_enrolling_makes_a_device_of_a_listed_machine,
            machines::texts_of_a_list_harm_nothing,
            machines::a_long_list_pages_without_gap_and_goes_again,
            search::the_closest_names_come_first_and_all_are_counted,
            search::groups_and_causes_are_found_with_as_many_devices_as_their_lists_have,
            search::devices_of_a_hold_count_once_whatever_it_is_for,
            search::nothing_outside_the_scope_is_found_or_counted,
            servers::bulletins_are_read_once_in_one_order_and_what_was_missed_is_told,
            servers::whoever_ceases_to_be_active_is_told_once_whatever_the_clock_says,
            servers::what_another_process_wrote_is_told_with_the_issues_that_differ,
            servers::of_two_who_replace_a_setting_one_is_told_that_it_changed,
            servers::whoever_waits_learns_soon_that_another_process_wrote,
            usage::transactions_that_wait_for_each_other_are_counted_with_their_wait,
            usage::a_transaction_that_reads_is_counted,
            status::revoked_is_for_ever,
            status::a_device_that_is_not_active_counts_nowhere,
            status::a_report_in_flight_is_not_written_over_a_retired_device,
            status::an_approved_device_takes_the_place_of_its_own_silent_past,
            status::a_merged_device_points_to_the_one_that_stands_for_it,
            status::a_deleted_device_is_gone_but_for_the_record,
            status::an_ephemeral_device_is_told_once_it_was_silent_for_long_enough,
            tags::a_tag_that_a_device_gives_itself_puts_it_into_nobodys_scope_and_out_of_none,
            tags::a_device_has_the_tags_of_its_token_and_those_it_reports,
            tags::tags_of_a_batch_reach_their_own_devices_only,
            tags::a_strange_tag_harms_nobody,
            updates::a_profile_is_kept_beside_its_device_and_each_is_met_once,
            updates::revisions_are_counted_of_active_devices_in_scope,
            updates::what_was_told_of_updates_only_grows_and_imports_replace_imports,
        })*
    };
}

on_every_database!(sqlite, postgres);
