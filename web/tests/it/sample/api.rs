//! What the API offers, as a viewer sees it.

use sickbay_web::pages::api::{ApiCall, ApiPage, ApiParameter, ApiResource};

use super::Sample;

impl Sample<'_> {
    fn api_call(&self, method: &str, path: &str, summary: &str) -> ApiCall {
        ApiCall {
            method: method.to_owned(),
            path: path.to_owned(),
            summary: self.say(summary),
            needs: "viewer, within the scope".to_owned(),
            parameters: vec![
                ApiParameter {
                    name: "filter".to_owned(),
                    place: "query".to_owned(),
                    is_required: false,
                    about: self.say("Condition in the filter language, for example `kind:server name:DC*`."),
                    example: self.say("kind:server"),
                },
                ApiParameter {
                    name: "issue".to_owned(),
                    place: "path".to_owned(),
                    is_required: true,
                    ..ApiParameter::default()
                },
            ],
            body: None,
            answers: vec![
                ("200".to_owned(), "OK".to_owned()),
                ("304".to_owned(), "The answer is the one that `If-None-Match` names".to_owned()),
            ],
            answer: self.say("{\n  \"items\": [],\n  \"next_cursor\": null\n}"),
            curl: self.say(
                "curl --fail-with-body --header \"Authorization: Bearer $SICKBAY_TOKEN\" \
                 'https://sickbay.corp.example:8443/api/v1/issues/safeguard-hold/devices?filter=kind:server'",
            ),
            powershell: self.say(
                "$headers = @{ Authorization = \"Bearer $env:SICKBAY_TOKEN\" }\n\
                 Invoke-RestMethod -Headers $headers -Uri 'https://sickbay.corp.example:8443/api/v1/issues'",
            ),
        }
    }

    /// Two resources.
    pub(crate) fn api(&self) -> ApiPage {
        ApiPage {
            chrome: self.chrome("API", None),
            server: self.say("https://sickbay.corp.example:8443"),
            description: "/api/v1/openapi.json".to_owned(),
            makes_tokens: true,
            problem: self
                .say("{\n  \"status\": 400,\n  \"title\": \"The request cannot be understood\"\n}"),
            walk: self
                .say("do { $page = Invoke-RestMethod -Uri $address } while ($page.next_cursor)"),
            resources: vec![
                ApiResource {
                    name: "issues".to_owned(),
                    about: self.say("Reasons why devices do not get their updates"),
                    calls: vec![
                        self.api_call("GET", "/api/v1/issues", "Every issue with its counts."),
                        self.api_call(
                            "GET",
                            "/api/v1/issues/{issue}/devices",
                            "Devices of an issue: the open ones, unless the filter names a state.",
                        ),
                    ],
                },
                ApiResource {
                    name: "live".to_owned(),
                    about: self.say("Looking again, and listening"),
                    calls: vec![ApiCall {
                        body: Some(self.say("{\n  \"filter\": \"issue:pending-reboot\"\n}")),
                        ..self.api_call("POST", "/api/v1/inspections", "Has devices look again.")
                    }],
                },
            ],
        }
    }
}
