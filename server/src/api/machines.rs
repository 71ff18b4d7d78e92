//! `POST machines`: replaces the list of machines that should have a collector.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Viewer;
use crate::api::csrf;
use crate::app::App;
use crate::machine_list::{self, MachineFile};
use crate::problem::Problem;

/// Bytes of a list.
pub const LIST_BYTES: usize = 64 * 1024 * 1024;

/// What became of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportAnswer {
    /// Machines that now have the open issue `never-enrolled`.
    pub listed: u64,
    /// Of these, machines that stood in the list before, just so.
    pub unchanged: u64,
    /// Machines for which a collector spoke: a device of their name exists, whatever its status.
    pub spoken_for: u64,
    /// Machines that stood in the list before and do not any more.
    pub removed: u64,
    /// Rows that name a machine again.
    pub repeated: u64,
    /// Rows left out because the machine's account is disabled.
    pub disabled: u64,
}

/// Replaces the list of machines that should have a collector. Machines that no device stands for get the issue `never-enrolled`.
///
/// The columns are found by name: `Name` or `DNSHostName`, and where known `Domain`, `DistinguishedName` or `OU`, `OperatingSystem`,
/// `Enabled`, as `Get-ADComputer | Export-Csv` writes them. A row that cannot be understood refuses the whole list.
#[utoipa::path(post, path = "/machines", operation_id = "import_machines", tag = "devices",
    request_body(content = String, content_type = "text/csv", description = "UTF-8, or UTF-16 with a byte order mark; at most 64 MiB"),
    responses(
        (status = 200, body = ImportAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn import(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ImportAnswer>, Problem> {
    viewer.may_change(csrf(&headers))?;
    if !is_csv(&headers) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The list must be CSV",
            "Send it with `Content-Type: text/csv`.",
        ));
    }
    let list = read(body).await?;
    let imported = app
        .store
        .import_machines(list.machines, &viewer.name, app.clock.now())
        .await?;
    Ok(Json(ImportAnswer {
        listed: imported.listed,
        unchanged: imported.unchanged,
        spoken_for: imported.spoken_for,
        removed: imported.removed,
        repeated: imported.repeated,
        disabled: list.disabled,
    }))
}

async fn read(body: Body) -> Result<MachineFile, Problem> {
    let bytes = to_bytes(body, LIST_BYTES).await.map_err(|_| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The list is too long, or broke off",
            "A list has 64 MiB at most. Leave out columns that are not needed, or use `sickbay-server device import` on the server.",
        )
    })?;
    // A long list takes a moment, in which this thread has others to serve.
    let list = tokio::task::spawn_blocking(move || machine_list::read(&bytes[..])).await;
    list.map_err(|_| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The list could not be read",
            "The server's log says why.",
        )
    })?
    .map_err(|error| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "The list cannot be understood",
            format!("{error}. Nothing was imported."),
        )
    })
}

fn is_csv(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/csv"))
}
