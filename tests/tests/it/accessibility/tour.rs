//! Going from page to page in one browser, and looking at each.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::json;
use sickbay_tests::axe::{Axe, Finding, Look};
use sickbay_tests::browser::{Browser, Screen};
use sickbay_tests::program::failures;
use sickbay_tests::wait::eventually;

use super::places::{Form, How, State, Who};

/// What words in braces stand for.
pub(super) type Words = BTreeMap<String, String>;

const THEME: &str = "sickbay-theme";
const SESSION: &str = "sickbay_session";
const DESK: Screen = Screen {
    width: 1280,
    height: 1000,
    is_phone: false,
};
const PHONE: Screen = Screen {
    width: 390,
    height: 844,
    is_phone: true,
};
/// A desk's window enlarged to 400 %.
const ENLARGED: Screen = Screen {
    width: 320,
    height: 256,
    is_phone: true,
};
/// How long a page may take.
const COME_WITHIN: Duration = Duration::from_secs(20);
/// How long a page may take to fit a screen that became narrower.
const FIT_WITHIN: Duration = Duration::from_secs(5);
/// Where findings are cut off in the message of a failure.
const TOLD_AT_MOST: usize = 40;

/// Types into the form, presses a button, and answers whether there is such a form.
const SEND: &str = r#"
const [to, fields] = arguments;
const pressed = document.querySelector(`main button[formaction="${to}"]`);
const buttonOf = (form) => fields.map(([name, value]) => form.querySelector(`button[name="${name}"][value="${value}"]`)).find(Boolean);
const forms = pressed ? [pressed.form] : [...document.querySelectorAll(`main form[action="${to}"]`)];
const form = forms.find(buttonOf) ?? forms[0];
if (!form) return false;
for (const [name, value] of fields) {
  for (const field of form.querySelectorAll(`:is(input, select)[name="${name}"]`)) {
    if (field.type === 'checkbox' || field.type === 'radio') field.checked = field.value === value;
    else field.value = value;
  }
}
window.isLeft = true;
// What is typed may be what a browser would not send.
form.noValidate = true;
form.requestSubmit(pressed ?? buttonOf(form) ?? undefined);
return true;
"#;

/// Whether the page that the form led to is there.
const IS_ANOTHER: &str = "return window.isLeft === undefined && document.readyState === 'complete'";

/// Has the page's own switch go on until it shows the theme, and answers which one is shown.
const SWITCH: &str = "
const button = document.querySelector('[data-theme-switch]');
const shown = () => document.documentElement.dataset.theme;
for (let step = 0; step < 2 && shown() !== arguments[0]; step += 1) button.click();
return shown();
";

/// What reaches beyond the right edge and is not scrolled by itself.
const TOO_WIDE: &str = r"
const width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth <= width) return [];
const scrolls = (element) => element && (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
return [...document.querySelectorAll('body *')]
  .filter((element) => element.getBoundingClientRect().right > width + 1 && !scrolls(element.parentElement))
  .map((element) => element.outerHTML.slice(0, 200)).slice(0, 3);
";

/// A tour in one browser.
pub(super) struct Tour<'a> {
    browser: &'a Browser,
    axe: Axe<'a>,
    url: String,
    words: Words,
    /// Sessions by who is signed in.
    sessions: Vec<(Who, String)>,
    /// What is wrong, with the places where it is.
    wrong: BTreeMap<String, Vec<String>>,
    /// What axe-core cannot tell.
    unsure: BTreeMap<String, Vec<String>>,
    looks: usize,
}

impl<'a> Tour<'a> {
    pub(super) async fn new(browser: &'a Browser) -> anyhow::Result<Self> {
        Ok(Self {
            browser,
            axe: Axe::bring(browser).await?,
            url: String::new(),
            words: Words::new(),
            sessions: Vec::new(),
            wrong: BTreeMap::new(),
            unsure: BTreeMap::new(),
            looks: 0,
        })
    }

    /// A page with mistakes of several kinds: that they are found shows that the rules are at work.
    pub(super) async fn notices_what_is_wrong(&mut self) -> anyhow::Result<()> {
        let page = "data:text/html,<title>t</title><main><h1>a</h1><h3>b</h3><img src=x><input><a href=x style='color:%23ccc'>hardly to be seen</a>\
            <button style='width:9px;height:9px;padding:0;overflow:hidden'>d</button>\
            <button style='width:9px;height:9px;padding:0;overflow:hidden'>e</button>";
        self.browser.window.goto(page).await?;
        self.browser.look_on(DESK).await?;
        let found = self.axe.look(Look::Whole).await;
        let rules: Vec<String> = match found {
            Ok(found) => found.violations.into_iter().map(|one| one.rule).collect(),
            Err(error) => bail!("{error:#}"),
        };
        for wanted in [
            "color-contrast",
            "heading-order",
            "html-has-lang",
            "image-alt",
            "label",
            "target-size",
        ] {
            ensure!(
                rules.iter().any(|rule| rule == wanted),
                "{wanted} is not among {rules:?}"
            );
        }
        Ok(())
    }

    /// Comes to another server, signed in as its administrator.
    pub(super) async fn arrive(
        &mut self,
        url: &str,
        link: &str,
        words: Words,
    ) -> anyhow::Result<()> {
        url.clone_into(&mut self.url);
        self.words = words;
        self.sessions.clear();
        self.browser.window.goto(link).await?;
        self.keep_session(Who::Administrator).await
    }

    /// Opens the link of somebody's own account.
    pub(super) async fn newcomer_signs_in(&mut self, link: &str) -> anyhow::Result<()> {
        self.browser.keep_cookies(&self.url, &[]).await?;
        let path = link.find("/sign-in/").map(|at| &link[at..]);
        let path = path.with_context(|| format!("{link} is no link"))?;
        self.browser
            .window
            .goto(&format!("{}{path}", self.url))
            .await?;
        self.send(path, &[]).await?;
        self.keep_session(Who::Newcomer).await
    }

    async fn keep_session(&mut self, who: Who) -> anyhow::Result<()> {
        let cookie = self.browser.window.get_named_cookie(SESSION).await;
        let cookie = cookie.context("the link opens a session")?;
        self.sessions.push((who, cookie.value().to_owned()));
        Ok(())
    }

    /// Learns what a word stands for.
    pub(super) fn knows(&mut self, word: &str, means: &str) {
        self.words.insert(word.to_owned(), means.to_owned());
    }

    fn filled(&self, text: &str, run: &str) -> String {
        let words = self.words.iter();
        let known = words.fold(text.to_owned(), |text, (word, means)| {
            text.replace(&format!("{{{word}}}"), means)
        });
        known.replace("{run}", run)
    }

    /// Goes to each state and looks at it, in every theme and on every screen.
    pub(super) async fn visit(&mut self, what: &str, states: &[State]) -> anyhow::Result<()> {
        for state in states {
            let run = self.looks.to_string();
            let place = match state.how {
                How::Open(address) => self.filled(address, &run),
                How::Fill { on, .. } => format!("sent from {}", self.filled(on, &run)),
            };
            let place = format!("{what}: {place} ({})", state.says);
            // One page that does not come keeps nobody from looking at the others.
            if let Err(error) = self.look(state, &run, &place).await {
                let why = format!("it cannot be looked at: {error:#}");
                self.wrong.entry(why).or_default().push(place);
            }
        }
        Ok(())
    }

    async fn look(&mut self, state: &State, run: &str, place: &str) -> anyhow::Result<()> {
        // The server sends every other page in the one theme, and the other is switched to.
        let (first, second) = if self.looks.is_multiple_of(2) {
            ("light", "dark")
        } else {
            ("dark", "light")
        };
        self.looks += 1;
        self.become_who(state.who, first).await?;
        self.browser.look_on(DESK).await?;
        self.go_to(&state.how, run).await?;
        let says = self.filled(state.says, run);
        eventually(COME_WITHIN, async || {
            let text = self.browser.text("main").await?;
            ensure!(
                text.contains(&says),
                "the page does not say {says:?} but {text:?}"
            );
            Ok(())
        })
        .await?;
        for (theme, look) in [(first, Look::Whole), (second, Look::Colours)] {
            let shown = self
                .browser
                .window
                .execute(SWITCH, vec![json!(theme)])
                .await?;
            ensure!(shown == theme, "the page is shown as {shown}");
            for (name, screen) in [("desk", DESK), ("phone", PHONE)] {
                self.browser.look_on(screen).await?;
                let found = self.axe.look(look).await?;
                let here = format!("{place}, {theme}, {name}");
                for finding in found.violations {
                    note(&mut self.wrong, &finding, &here);
                }
                for finding in found.unsure {
                    note(&mut self.unsure, &finding, &here);
                }
            }
        }
        self.browser.look_on(ENLARGED).await?;
        // What a script draws, such as a chart, follows a moment later.
        let fits = eventually(FIT_WITHIN, async || {
            let wide = self.browser.ask(TOO_WIDE).await?;
            let fits = wide.as_array().is_some_and(Vec::is_empty);
            ensure!(
                fits,
                "at 320 pixels the page scrolls sideways, because of {wide}"
            );
            Ok(())
        });
        if let Err(wide) = fits.await {
            let wide = format!("{wide:#}");
            self.wrong.entry(wide).or_default().push(place.to_owned());
        }
        Ok(())
    }

    async fn go_to(&self, how: &How, run: &str) -> anyhow::Result<()> {
        let (address, forms) = match how {
            How::Open(address) => (address, &[][..]),
            How::Fill { on, forms } => (on, *forms),
        };
        let address = format!("{}{}", self.url, self.filled(address, run));
        self.browser.window.goto(&address).await?;
        for Form { to, fields } in forms {
            let fields: Vec<[String; 2]> = fields
                .iter()
                .map(|(name, value)| [(*name).to_owned(), self.filled(value, run)])
                .collect();
            self.send(to, &fields).await?;
        }
        Ok(())
    }

    /// Has the cookies of somebody who likes these colours.
    async fn become_who(&self, who: Who, theme: &str) -> anyhow::Result<()> {
        let mut cookies = vec![(THEME, theme)];
        if who != Who::Stranger {
            let session = self.sessions.iter().find(|(whose, _)| *whose == who);
            let (_, session) = session.context("they never signed in")?;
            cookies.push((SESSION, session));
        }
        self.browser.keep_cookies(&self.url, &cookies).await
    }

    async fn send(&self, to: &str, fields: &[[String; 2]]) -> anyhow::Result<()> {
        let arguments = vec![json!(to), json!(fields)];
        let sent = self.browser.window.execute(SEND, arguments).await?;
        ensure!(sent == true, "no form of the page leads to {to}");
        eventually(COME_WITHIN, async || {
            ensure!(
                self.browser.ask(IS_ANOTHER).await? == true,
                "no page came from {to}"
            );
            Ok(())
        })
        .await
    }

    /// Fails where anything is wrong. What axe-core cannot tell is kept for whoever wants to look.
    pub(super) fn told(&self) -> anyhow::Result<()> {
        let unsure = failures()?.join("accessibility-unsure.txt");
        std::fs::write(&unsure, listed(&self.unsure, usize::MAX))
            .context("keep what is not sure")?;
        ensure!(
            self.wrong.is_empty(),
            "{} things are wrong:\n{}",
            self.wrong.len(),
            listed(&self.wrong, TOLD_AT_MOST)
        );
        Ok(())
    }
}

fn note(among: &mut BTreeMap<String, Vec<String>>, finding: &Finding, here: &str) {
    among
        .entry(finding.to_string())
        .or_default()
        .push(here.to_owned());
}

fn listed(findings: &BTreeMap<String, Vec<String>>, most: usize) -> String {
    let mut text = String::new();
    for (what, places) in findings.iter().take(most) {
        let _ = writeln!(
            text,
            "- {what}\n    on {} pages, first {}",
            places.len(),
            places[0]
        );
    }
    if findings.len() > most {
        let _ = writeln!(text, "... and {} more", findings.len() - most);
    }
    text
}
