//! Error codes as programs and people look them up.

use std::sync::Arc;

use sickbay_diagnosis::knowledge::{Knowledge, TableName};
use sickbay_server::rules::Rules;

use crate::site::{Site, assert_says, encoded};

const API: &str = "/api/v1/error-codes";

#[tokio::test]
async fn a_code_is_explained_in_every_form_as_the_command_line_does() {
    let site = Site::start().await;
    let api = site.api().await;
    for form in [
        "0x8024402C",
        "8024402c",
        "-2145107924",
        "2149859372",
        "wu_e_pt_winhttp_name_not_resolved",
        "10060",
        "404",
        "0x80244FF0",
        "0xC1900FFF",
    ] {
        let told = api.json(&format!("{API}/{form}")).await;
        let explained = Knowledge::built_in().explain_code(form).unwrap();
        assert_eq!(told, explained.to_json(), "{form}");
    }
    for nothing in ["soon", "0x8ABC0012", "0x80070005%20and%20more"] {
        let answer = api.get(&format!("{API}/{nothing}")).await;
        assert_eq!(answer.status(), 404, "{nothing}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn the_whole_table_can_be_read_and_searched() {
    let site = Site::start().await;
    let api = site.api().await;
    let all = api.json(API).await;
    let known = Knowledge::built_in().error_codes().len();
    assert_eq!(all["items"].as_array().unwrap().len(), known);
    assert_eq!(all["total"], known);

    let proxy = api.json(&format!("{API}?q=proxy")).await;
    assert!(proxy["total"].as_u64().unwrap() > 3, "{proxy}");
    assert_eq!(proxy["explained"].as_array().unwrap().len(), 0);

    let pasted = "Failed to connect to Mux due to network or cert errors 12175";
    let mux = api.json(&format!("{API}?q={}", encoded(pasted))).await;
    assert_says(
        &mux["message"]["meaning"].to_string(),
        &["Load Balancer"],
        "error codes",
    );
    assert_eq!(mux["explained"][0]["network_failure"], "certificate");
    assert_eq!(mux["items"][0]["name"], "ERROR_WINHTTP_SECURE_FAILURE");

    // Blanks count as what they are, also those that are left away afterwards.
    for text in ["x".repeat(501), format!("x{}", "%20".repeat(500))] {
        for call in [API, "/api/v1/search"] {
            let long = api.get(&format!("{call}?q={text}")).await;
            assert_eq!(long.status(), 400, "{call}");
            assert_eq!(long.headers()["content-type"], "application/problem+json");
        }
    }
}

#[tokio::test]
async fn a_person_looks_a_code_up_on_the_page() {
    let site = Site::start().await;
    let person = site.browser().await;
    let page = person.page("/error-codes").await;
    assert_says(
        &page,
        &["Areas", "WU protocol", "name=\"q\""],
        "error codes",
    );
    let page = person.page("/error-codes?q=-2145107924").await;
    assert_says(
        &page,
        &[
            "WU_E_PT_WINHTTP_NAME_NOT_RESOLVED",
            "2149859372",
            "Windows Update agent",
        ],
        "error codes",
    );
    let page = person
        .page(&format!(
            "/error-codes?q={}",
            encoded("<script>alert(1)</script> 0x80244FF0")
        ))
        .await;
    assert_says(&page, &["Not in the table", "0x80244FFF"], "error codes");
    assert!(!page.contains("<script>alert"));
    let page = person
        .page(&format!("/error-codes?q={}", "x".repeat(501)))
        .await;
    assert_says(&page, &["at most 500 are looked at"], "error codes");
    let page = person.page("/error-codes?q=nosuchword").await;
    assert_says(&page, &["No code is, has or mentions this"], "error codes");
}

#[tokio::test]
async fn it_is_the_knowledge_in_force_that_answers() {
    let site = Site::start().await;
    let api = site.api().await;
    let header = TableName::ErrorCodes.built_in().lines().nth(1).unwrap();
    let table = format!(
        "# dated 2027-01-01\n{header}\n0x8ABC0012\tOUR_E_OWN\tours\tOur own code\tAsk us\n"
    );
    let knowledge = Knowledge::parse("ours", |name| {
        (name == TableName::ErrorCodes).then_some(table.as_str())
    });
    let rules = &site.app().rules;
    rules.set(Rules {
        knowledge: Arc::new(knowledge.unwrap()),
        ..Rules::clone(&rules.get())
    });
    let told = api.json(&format!("{API}/8ABC0012")).await;
    assert_eq!(told["entry"]["name"], "OUR_E_OWN");
    assert_eq!(api.json(API).await["total"], 1);
    let page = site.browser().await.page("/error-codes?q=our_e_own").await;
    assert_says(&page, &["Our own code", "2027-01-01"], "error codes");
}
