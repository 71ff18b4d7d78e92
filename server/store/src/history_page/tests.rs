#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use proptest::prelude::*;

use super::*;

fn row() -> impl Strategy<Value = HistoryColumns> {
    (
        any::<i64>(),
        "[a-z-]{0,20}",
        1..6_i64,
        1..6_i64,
        ".{0,80}",
        ".{0,200}",
    )
        .prop_map(
            |(at, issue, from_state, to_state, causes, summary)| HistoryColumns {
                id: 0,
                at,
                issue,
                from_state,
                to_state,
                causes,
                summary,
            },
        )
}

/// Rows with ids that grow.
fn rows(most: usize) -> impl Strategy<Value = Vec<HistoryColumns>> {
    prop::collection::vec((row(), 1..1_000_i64), 0..most).prop_map(|rows| {
        let mut id = 0;
        let numbered = rows.into_iter().map(|(mut row, step)| {
            id += step;
            row.id = id;
            row
        });
        numbered.collect()
    })
}

/// What is written takes the place of what has its name.
fn write(stored: &mut Vec<Page>, pages: Vec<Page>) {
    for page in pages {
        stored.retain(|old| old.first_id != page.first_id);
        stored.push(page);
    }
    stored.sort_by_key(|page| page.first_id);
}

fn told(pages: &[Page]) -> Vec<HistoryColumns> {
    pages.iter().flat_map(|page| page.rows().unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn pages_hold_what_was_put_into_them_word_for_word_in_order(rows in rows(200), cuts in prop::collection::vec(1..90_usize, 1..8)) {
        let mut stored = Vec::new();
        let mut rest = rows.clone();
        for cut in cuts.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let later = rest.split_off(cut.min(rest.len()));
            let pages = append(7, stored.last(), rest);
            write(&mut stored, pages);
            rest = later;
        }
        prop_assert_eq!(&told(&stored), &rows);
        for page in &stored {
            let of_page = page.rows().unwrap();
            prop_assert!(of_page.len() <= FULL);
            prop_assert_eq!(page.first_id, of_page[0].id);
            prop_assert_eq!(page.last_id, of_page.last().unwrap().id);
            prop_assert_eq!(page.first_at, of_page.iter().map(|row| row.at).min().unwrap());
        }
    }

    #[test]
    fn what_is_removed_by_age_is_what_is_old_and_no_more_than_asked_for(rows in rows(FULL), before: i64, at_most in 0..80_u64) {
        let Some(page) = append(7, None, rows.clone()).pop() else { return Ok(()) };
        let (left, went) = without(&page, before, at_most).unwrap();
        let mut expected = rows;
        let mut gone = 0;
        expected.retain(|row| {
            let goes = row.at < before && gone < at_most;
            gone += u64::from(goes);
            !goes
        });
        prop_assert_eq!(went, gone);
        prop_assert_eq!(left.as_ref().map_or(Vec::new(), |left| left.rows().unwrap()), expected);
        prop_assert!(left.is_none_or(|left| left.first_id == page.first_id));
    }

    #[test]
    fn what_is_no_page_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = unpack(&bytes);
        let page = [&[NUMBERS_THEN_TEXTS][..], &bytes].concat();
        let _ = unpack(&page);
    }
}

#[test]
fn a_page_that_cannot_be_read_is_left_alone_and_another_one_begun() {
    let row = |id| HistoryColumns {
        id,
        at: id,
        issue: "silent".to_owned(),
        from_state: 1,
        to_state: 3,
        causes: "[]".to_owned(),
        summary: String::new(),
    };
    let unreadable = Page {
        key: 7,
        first_id: 3,
        last_id: 5,
        first_at: 1,
        entries: vec![u8::MAX],
    };
    let error = unreadable.rows().unwrap_err().to_string();
    assert!(error.contains("history"), "{error}");
    let pages = append(7, Some(&unreadable), vec![row(8), row(9)]);
    assert_eq!(pages.len(), 1);
    assert_eq!((pages[0].first_id, pages[0].last_id), (8, 9));
}
