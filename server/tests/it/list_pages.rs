//! Lists on pages: ordered, in chosen columns, with conditions that are put together, saved as views, and with something done to chosen
//! devices.

use reqwest::StatusCode;
use sickbay_diagnosis::filter::Filter;
use sickbay_store::{Access, DeviceIdentity, Role, Scope};

use crate::readings::{at_revision, paused_by_user, server};
use crate::site::{Site, Viewer, encoded};

const PAUSED: &str = "quality-updates-paused";

async fn fleet(site: &Site) -> Vec<DeviceIdentity> {
    let (_, token) = site.token(|_| {}).await;
    let end = site.now().plus_days(1);
    let mut devices = Vec::new();
    for number in 0..7_u32 {
        let name = format!("PC-{number}");
        let device = site.stored_device(&token, &name).await;
        let mut report = vec![match number % 3 {
            0 => server(&name),
            _ => at_revision(&name, 4000 - number),
        }];
        if number % 2 == 0 {
            report.push(paused_by_user(end));
        }
        site.take_in(&device, report).await;
        devices.push(device);
    }
    devices
}

/// Names in the order of a page's rows.
fn names(page: &str) -> Vec<String> {
    page.split("class=\"device-name\"")
        .skip(1)
        .map(|rest| {
            let (_, rest) = rest.split_once("<bdi>").unwrap();
            rest.split('<').next().unwrap().to_owned()
        })
        .collect()
}

/// Headings of a page's table, but for that of the boxes.
fn heads(page: &str) -> Vec<String> {
    let (_, head) = page
        .split_once("class=\"choose\"><span class=\"unseen\">Choose</span></th>")
        .unwrap();
    let (head, _) = head.split_once("</thead>").unwrap();
    head.split("<th ")
        .skip(1)
        .map(|th| {
            let text = th.split('>').filter_map(|part| part.split('<').next());
            text.skip(1)
                .collect::<String>()
                .trim()
                .trim_end_matches([' ', '↑', '↓'])
                .to_owned()
        })
        .collect()
}

#[tokio::test]
async fn a_list_is_ordered_alike_on_the_page_and_in_the_api() {
    let site = Site::start().await;
    fleet(&site).await;
    let viewer = site.api().await;
    for sort in [
        "build",
        "-build",
        "-name",
        "kind",
        "standing",
        "-open_findings",
    ] {
        let page = names(&viewer.page(&format!("/devices?sort={sort}")).await);
        assert_eq!(page.len(), 7, "{sort}");
        let mut told = Vec::new();
        let mut cursor = String::new();
        loop {
            let part = viewer
                .json(&format!("/api/v1/devices?sort={sort}&limit=3{cursor}"))
                .await;
            for item in part["items"].as_array().unwrap() {
                told.push(item["name"].as_str().unwrap().to_owned());
            }
            match part["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(told, page, "{sort}");
    }
    let builds = names(&viewer.page("/devices?sort=-build&filter=kind:client").await);
    assert_eq!(
        builds,
        ["PC-1", "PC-2", "PC-4", "PC-5"],
        "4000 less their number"
    );
    // An order that only findings have, and one that nobody has.
    let of_issue = viewer.page(&format!("/issues/{PAUSED}?sort=-since")).await;
    assert_eq!(names(&of_issue).len(), 4);
    for wrong in ["/devices?sort=since", "/devices?sort=nmae"] {
        let answer = viewer.get(wrong).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
        assert!(
            answer
                .text()
                .await
                .unwrap()
                .contains("cannot be ordered by")
        );
    }
    let wrong = viewer.get("/api/v1/devices?sort=since").await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn columns_are_those_that_were_chosen() {
    let site = Site::start().await;
    fleet(&site).await;
    let viewer = site.api().await;
    // Boxes of a form come one by one, and become one clean address.
    let boxes = viewer
        .get("/devices?sort=-build&columns=ou&columns=source")
        .await;
    assert_eq!(boxes.status(), StatusCode::SEE_OTHER);
    let to = boxes.headers()["location"].to_str().unwrap();
    assert_eq!(to, "/devices?sort=-build&columns=ou%2Csource");
    let page = viewer.page(to).await;
    assert_eq!(heads(&page), ["Device", "OU", "Source"]);
    // The export beside the list has them too.
    assert!(
        page.contains("devices.csv?columns=name%2Cdevice_id%2Cou%2Csource"),
        "{page}"
    );
    let csv = viewer
        .page("/api/v1/exports/devices/devices.csv?columns=name%2Cdevice_id%2Cou%2Csource")
        .await;
    assert!(csv.contains("name,device_id,ou,source"), "{csv}");
    let wrong = viewer.get("/devices?columns=ou,since").await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_condition_is_put_together_and_taken_away_without_typing_the_language() {
    let site = Site::start().await;
    fleet(&site).await;
    let viewer = site.api().await;
    let added = viewer
        .get("/devices?filter=name%3APC-%2A&sort=build&where=kind&how=is-not&value=server")
        .await;
    assert_eq!(added.status(), StatusCode::SEE_OTHER);
    let to = added.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(to, "/devices?filter=PC-%2A%20-kind%3Aserver&sort=build");
    let page = viewer.page(&to).await;
    assert_eq!(names(&page).len(), 4);
    // Each condition leads to the list without it.
    assert!(
        page.contains("/devices?filter=PC-%2A&#38;sort=build"),
        "{page}"
    );
    assert!(
        page.contains("/devices?filter=-kind%3Aserver&#38;sort=build"),
        "{page}"
    );
    let wrong = viewer.get("/devices?where=build&how=is&value=many").await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_view_is_saved_offered_and_removed_on_pages_and_in_the_api() {
    let site = Site::start().await;
    fleet(&site).await;
    let anna = site.person("anna", Access::ALL).await;
    let scope = Scope::Matching(Filter::parse("kind:server").unwrap());
    let ben = site
        .person(
            "ben",
            Access {
                role: Role::Viewer,
                scope,
            },
        )
        .await;
    let csrf = anna.csrf().await;
    let save = |name: &'static str, shared: &'static str, csrf: String| {
        let anna = &anna;
        async move {
            let fields = [
                ("csrf", csrf.as_str()),
                ("list", "devices"),
                ("filter", "name:PC-*"),
                ("sort", "-build"),
                ("columns", "ou,build"),
                ("name", name),
                ("shared", shared),
            ];
            anna.post_form("/views", &fields).await
        }
    };
    let saved = save("Mine <b>", "", csrf.clone()).await;
    assert_eq!(saved.status(), StatusCode::SEE_OTHER);
    let list = "/devices?filter=name%3APC-%2A&sort=-build&columns=ou%2Cbuild";
    assert_eq!(saved.headers()["location"], list);
    save("Everybody's", "yes", csrf.clone()).await;
    let forged = save("Forged", "", "nonsense".to_owned()).await;
    assert_eq!(forged.status(), StatusCode::FORBIDDEN);

    let page = anna.page("/devices").await;
    assert!(
        page.contains("Mine &#60;b&#62;") && page.contains("Everybody&#39;s"),
        "{page}"
    );
    let overview = anna.page("/").await;
    assert!(overview.contains(&list.replace('&', "&#38;")), "{overview}");
    // What is shared shows each viewer what they may see: of the seven, three.
    let offered = ben.page("/devices").await;
    assert!(offered.contains("Everybody&#39;s") && !offered.contains("Mine"));
    let mut seen = names(&ben.page(list).await);
    seen.sort();
    assert_eq!(seen, ["PC-0", "PC-3", "PC-6"]);

    let views = anna.json("/api/v1/views").await;
    assert_eq!(views[0]["name"], "Everybody's");
    assert_eq!(views[1]["sort"], "-build");
    let id = views[0]["id"].as_str().unwrap();
    // Somebody else's is not theirs to remove.
    let bens = ben.csrf().await;
    let remove = [("csrf", bens.as_str()), ("id", id), ("list", "devices")];
    assert_eq!(
        ben.post_form("/views/remove", &remove).await.status(),
        StatusCode::SEE_OTHER
    );
    assert_eq!(
        anna.json("/api/v1/views").await.as_array().unwrap().len(),
        2
    );
    let remove = [("csrf", csrf.as_str()), ("id", id), ("list", "devices")];
    anna.post_form("/views/remove", &remove).await;
    assert_eq!(
        anna.json("/api/v1/views").await.as_array().unwrap().len(),
        1
    );

    // The same over the API.
    let api = site.api().await;
    let body =
        r#"{"name": "By program", "list": "quality-updates-paused", "filter": "kind:server"}"#;
    let made = api.post_json("/api/v1/views", body).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let views = api.json("/api/v1/views").await;
    let id = views[0]["id"].as_str().unwrap().to_owned();
    let gone = api
        .request("DELETE", &format!("/api/v1/views/{id}"))
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    for wrong in [
        r#"{"name": "", "list": "devices"}"#,
        r#"{"name": "x", "list": "nothing"}"#,
        r#"{"name": "x", "list": "devices", "filter": "buildd>1"}"#,
        r#"{"name": "x", "list": "devices", "sort": "since"}"#,
        r#"{"name": "x", "list": "devices", "columns": "since"}"#,
    ] {
        let answer = api.post_json("/api/v1/views", wrong).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn chosen_devices_are_exported_accepted_and_asked_to_look_again() {
    let site = Site::start().await;
    let devices = fleet(&site).await;
    let person = site.browser().await;
    let csrf = csrf_of(&person).await;
    let ids: Vec<String> = devices.iter().map(|device| device.id.to_string()).collect();
    let list = [
        ("csrf", csrf.as_str()),
        ("list", PAUSED),
        ("filter", "kind:server"),
    ];
    let with = |more: &[(&'static str, &str)]| {
        let mut fields: Vec<(&str, String)> = list
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        fields.extend(
            more.iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let person = &person;
        async move {
            let fields: Vec<(&str, &str)> = fields
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            person.post_form("/selection", &fields).await
        }
    };
    let chosen = [("device", ids[0].as_str()), ("device", ids[6].as_str())];
    let export = with(&[chosen[0], chosen[1], ("do", "export")]).await;
    let wanted = format!(
        "/exports?list={PAUSED}&filter={}",
        encoded(&format!("id:{} or id:{}", ids[0], ids[6]))
    );
    assert_eq!(export.headers()["location"], wanted);
    let accept = with(&[chosen[0], ("do", "accept")]).await;
    assert_eq!(accept.status(), StatusCode::OK);
    let form = accept.text().await.unwrap();
    assert!(form.contains(&format!("value=\"id:{}\"", ids[0])), "{form}");
    // The whole list instead of boxes.
    let all = with(&[("all", "yes"), ("do", "inspect")]).await;
    assert_eq!(
        all.headers()["location"],
        format!("/issues/{PAUSED}?filter=kind%3Aserver&asked=0&not-connected=2")
    );
    let told = person
        .page(&format!("/issues/{PAUSED}?asked=0&not-connected=2"))
        .await;
    assert!(
        told.contains("2 are not connected and will report by themselves."),
        "{told}"
    );
    let gone = uuid::Uuid::from_u128(7).to_string();
    let gone = with(&[chosen[0], ("device", gone.as_str()), ("do", "inspect")]).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND, "nobody is asked");
    let nobody = with(&[("do", "inspect")]).await;
    assert_eq!(nobody.status(), StatusCode::BAD_REQUEST);

    // Who only looks may export and nothing else.
    let viewer = site
        .person(
            "viewer",
            Access {
                role: Role::Viewer,
                scope: Scope::All,
            },
        )
        .await;
    let csrf = viewer.csrf().await;
    for (action, status) in [
        ("export", StatusCode::SEE_OTHER),
        ("inspect", StatusCode::FORBIDDEN),
        ("accept", StatusCode::FORBIDDEN),
    ] {
        let fields = [
            ("csrf", csrf.as_str()),
            ("list", PAUSED),
            ("all", "yes"),
            ("do", action),
        ];
        let answer = viewer.post_form("/selection", &fields).await;
        assert_eq!(answer.status(), status, "{action}");
    }
}

/// The token of a session that has no account.
async fn csrf_of(person: &Viewer) -> String {
    let page = person.page("/").await;
    let (_, after) = page.split_once(r#"name="csrf" value=""#).unwrap();
    after.split('"').next().unwrap().to_owned()
}
