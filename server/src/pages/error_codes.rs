//! `/error-codes`: error codes, searched and explained by the knowledge in force.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::response::Html;
use sickbay_diagnosis::error_code::spelled;
use sickbay_diagnosis::knowledge::{ErrorCode, Explained, Explanation, Knowledge, TableName};
use sickbay_web::Nav;
use sickbay_web::pages::error_codes::{
    AreaLine, CodeLine, CodeStory, ErrorCodesPage, MessageStory,
};

use super::{PageError, Visit};
use crate::api::error_codes::ErrorCodeQuery;

pub(super) async fn show(
    visit: Visit,
    Query(query): Query<ErrorCodeQuery>,
) -> Result<Html<String>, PageError> {
    let rules = visit.app.rules.get();
    let known = &rules.knowledge;
    let (question, trouble) = match query.question() {
        Ok(question) => (question, None),
        Err(problem) => ("", Some(problem.detail)),
    };
    let explanation = known.explain(question);
    let found = known.search_errors(question);
    let is_told = |code: &ErrorCode| {
        let mut told = explanation.codes.iter().filter_map(|e| e.known);
        told.any(|told| told.code == code.code)
    };
    let told = found.codes.iter().filter(|code| is_told(code)).count();
    let about = known.about();
    let about = about
        .iter()
        .find(|table| table.name == TableName::ErrorCodes);
    let page = ErrorCodesPage {
        chrome: visit.chrome(Nav::ErrorCodes, Some(Nav::ErrorCodes)),
        question: query.q.clone().unwrap_or_default(),
        trouble,
        message: explanation.message.map(|message| MessageStory {
            name: message.name.to_owned(),
            meaning: message.meaning.to_owned(),
            fix: message.fix.to_owned(),
        }),
        stories: stories(&explanation),
        found: found
            .codes
            .iter()
            .filter(|code| !is_told(code))
            .map(|code| line(code))
            .collect(),
        total: (found.total - told) as u64,
        areas: if question.is_empty() {
            areas(known)
        } else {
            Vec::new()
        },
        known: known.error_codes().len() as u64,
        dated: about.map_or_else(String::new, |table| table.dated.clone()),
    };
    Ok(Html(page.render()))
}

fn stories(explanation: &Explanation<'_>) -> Vec<CodeStory> {
    explanation.codes.iter().map(story).collect()
}

fn story(explained: &Explained<'_>) -> CodeStory {
    CodeStory {
        code: explained.spelled(),
        taken_as: explained.taken_as.clone(),
        entry: explained.known.map(line),
        family: explained.family.told(),
        is_known: explained.is_known(),
        hint: explained.family.hint.to_owned(),
        nearest: explained.nearest.map(line),
        forms: explained
            .forms()
            .into_iter()
            .map(|form| (form.name.to_owned(), form.text))
            .collect(),
    }
}

fn line(code: &ErrorCode) -> CodeLine {
    CodeLine {
        code: spelled(code.code),
        name: code.name.to_string(),
        area: code.area.to_string(),
        meaning: code.meaning.to_string(),
        fix: code.fix.to_string(),
    }
}

/// The areas, those with most codes first.
fn areas(known: &Knowledge) -> Vec<AreaLine> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for code in known.error_codes() {
        *counts.entry(&code.area).or_default() += 1;
    }
    let mut areas: Vec<AreaLine> = counts
        .into_iter()
        .map(|(name, codes)| AreaLine {
            name: name.to_owned(),
            codes,
        })
        .collect();
    areas.sort_by_key(|area| std::cmp::Reverse(area.codes));
    areas
}
