//! `GET error-codes` and `GET error-codes/{code}`: what error codes mean, by the knowledge in force.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use sickbay_diagnosis::error_code::network::NetworkFailure;
use sickbay_diagnosis::error_code::{KnownMessage, spelled};
use sickbay_diagnosis::knowledge::{ErrorCode, Explained, Found};
use utoipa::{IntoParams, ToSchema};

use crate::access::Viewer;
use crate::app::App;
use crate::problem::Problem;

/// Characters of a question at most. A log line fits, a log does not.
pub const QUESTION_CHARS: usize = 500;

/// What is asked of the table.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ErrorCodeQuery {
    /// A code in any written form, words of its name, area, meaning or fix, or a message with codes in it; at most 500 characters. The
    /// whole table where it is left out.
    #[param(example = "0x8024402C", max_length = 500)]
    pub q: Option<String>,
}

/// A row of the table.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorCodeView {
    /// `0x` and eight upper-case hexadecimal digits.
    #[schema(example = "0x8024402C")]
    pub code: String,
    /// Its symbolic name.
    #[schema(example = "WU_E_PT_WINHTTP_NAME_NOT_RESOLVED")]
    pub name: String,
    /// What it belongs to.
    #[schema(example = "WU protocol")]
    pub area: String,
    /// What it means.
    pub meaning: String,
    /// What usually mends it.
    pub fix: String,
}

/// A message that is known by its words.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageView {
    /// What it is called.
    pub name: &'static str,
    /// What is known of it.
    pub meaning: &'static str,
    /// What to do about it.
    pub fix: &'static str,
}

/// What a code's number says by itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct FamilyView {
    /// Its name; `unknown` where no part of Windows is recognised.
    #[schema(example = "Windows Update agent")]
    pub name: &'static str,
    /// What the number says.
    pub meaning: String,
    /// Where to look on; may be empty.
    pub hint: &'static str,
}

/// A written form of a code.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormView {
    /// What the form is called.
    #[schema(example = "signed decimal")]
    pub name: &'static str,
    /// The code in it.
    #[schema(example = "-2145107924")]
    pub text: String,
}

/// All that can be said of a code.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainedCodeView {
    /// `0x` and eight upper-case hexadecimal digits.
    #[schema(example = "0x8024402C")]
    pub code: String,
    /// What the text was taken for, where it could be something else.
    pub taken_as: Option<String>,
    /// The table's row; null where the table lacks it.
    pub entry: Option<ErrorCodeView>,
    /// What its number says by itself.
    pub family: FamilyView,
    /// Of a failure of the network, its kind: `name`, `refused`, `timeout`, `reset`, `blocked-locally`, `unreachable`,
    /// `no-connection`, `certificate`,
    /// `proxy`, `http-status`.
    pub network_failure: Option<&'static str>,
    /// Where the table lacks it: the row closest to it, where such codes are usually about the same thing.
    pub nearest: Option<ErrorCodeView>,
    /// Every written form.
    pub forms: Vec<FormView>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundErrorCodes {
    /// Rows of the table, the closest first; at most 200 where something was asked.
    pub items: Vec<ErrorCodeView>,
    /// How many rows there are.
    pub total: u64,
    /// The message that was asked about, where it is known by its words.
    pub message: Option<MessageView>,
    /// The codes that the question is or mentions, whether the table has them or not.
    pub explained: Vec<ExplainedCodeView>,
}

impl From<&ErrorCode> for ErrorCodeView {
    fn from(code: &ErrorCode) -> Self {
        Self {
            code: spelled(code.code),
            name: code.name.to_string(),
            area: code.area.to_string(),
            meaning: code.meaning.to_string(),
            fix: code.fix.to_string(),
        }
    }
}

impl From<&KnownMessage> for MessageView {
    fn from(message: &KnownMessage) -> Self {
        Self {
            name: message.name,
            meaning: message.meaning,
            fix: message.fix,
        }
    }
}

impl From<&Explained<'_>> for ExplainedCodeView {
    fn from(explained: &Explained<'_>) -> Self {
        let family = &explained.family;
        Self {
            code: explained.spelled(),
            taken_as: explained.taken_as.clone(),
            entry: explained.known.map(ErrorCodeView::from),
            family: FamilyView {
                name: family.name,
                meaning: family.meaning.clone(),
                hint: family.hint,
            },
            network_failure: explained.network.map(NetworkFailure::name),
            nearest: explained.nearest.map(ErrorCodeView::from),
            forms: explained
                .forms()
                .into_iter()
                .map(|form| FormView {
                    name: form.name,
                    text: form.text,
                })
                .collect(),
        }
    }
}

impl ErrorCodeQuery {
    /// The question without blanks around it; a problem where it is too long.
    pub fn question(&self) -> Result<&str, Problem> {
        let question = self.q.as_deref().unwrap_or_default();
        let chars = question.chars().count();
        if chars > QUESTION_CHARS {
            return Err(Problem::bad_request(format!(
                "The question has {chars} characters, and at most {QUESTION_CHARS} are looked at. Ask for the code, or for the line with it."
            )));
        }
        Ok(question.trim())
    }
}

/// Error codes that are, have or mention what is asked; all of them where nothing is.
#[utoipa::path(get, path = "/error-codes", operation_id = "find_error_codes", tag = "knowledge", params(ErrorCodeQuery), responses(
    (status = 200, body = FoundErrorCodes),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json")
))]
pub async fn list(
    State(app): State<App>,
    _: Viewer,
    Query(query): Query<ErrorCodeQuery>,
) -> Result<Json<FoundErrorCodes>, Problem> {
    let rules = app.rules.get();
    let known = &rules.knowledge;
    let question = query.question()?;
    let explanation = known.explain(question);
    let Found { codes, total } = if question.is_empty() {
        Found {
            codes: known.error_codes().iter().collect(),
            total: known.error_codes().len(),
        }
    } else {
        known.search_errors(question)
    };
    Ok(Json(FoundErrorCodes {
        items: codes.into_iter().map(ErrorCodeView::from).collect(),
        total: total as u64,
        message: explanation.message.map(MessageView::from),
        explained: explanation
            .codes
            .iter()
            .map(ExplainedCodeView::from)
            .collect(),
    }))
}

/// One error code, in any written form or by its name. Codes that the table lacks are told by their family.
#[utoipa::path(get, path = "/error-codes/{code}", operation_id = "explain_error_code", tag = "knowledge",
    params(("code" = String, Path, example = "-2145107924")),
    responses(
        (status = 200, body = ExplainedCodeView),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn detail(
    State(app): State<App>,
    _: Viewer,
    Path(code): Path<String>,
) -> Result<Json<ExplainedCodeView>, Problem> {
    let rules = app.rules.get();
    let Some(explained) = rules.knowledge.explain_code(&code) else {
        return Err(Problem::not_found(
            "This is no error code; one looks like 0x8024402C, 8024402C, -2145107924, 2149859372, 10060 or WU_E_NO_SERVICE. For messages with codes in them ask GET /api/v1/error-codes?q=.",
        ));
    };
    if !explained.is_known() {
        return Err(Problem::not_found(format!(
            "Nothing is known of {}: it is in no table, and {}.",
            explained.spelled(),
            explained.family.meaning
        )));
    }
    Ok(Json(ExplainedCodeView::from(&explained)))
}
