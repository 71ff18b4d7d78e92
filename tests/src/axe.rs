//! axe-core, which finds what keeps people from using a page: by the success criteria of WCAG 2.2, levels A and AA, and by what is good
//! practice beyond them.
//!
//! The driver brings it into every page, where the content security policy lets no script of a stranger run. What is closed is opened
//! first, because what nobody sees is not looked at.

use std::fmt;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::browser::Browser;
use crate::program::tool;

/// Tags of the rules that hold. Rules that axe-core itself gave up are left out; those that it still tries out are not.
const TAGS: [&str; 7] = [
    "wcag2a",
    "wcag2aa",
    "wcag21a",
    "wcag21aa",
    "wcag22a",
    "wcag22aa",
    "best-practice",
];
/// The tag of those that a change of colours may break.
const OF_COLOURS: &str = "cat.color";

/// What a look is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Everything.
    Whole,
    /// Colours alone, where nothing else is another.
    Colours,
}

impl Look {
    /// Fewest rules that must have found something to judge: a page that never came has hardly any.
    const fn judges_at_least(self) -> usize {
        match self {
            Self::Whole => 15,
            Self::Colours => 1,
        }
    }
}

/// Answers what it found through the driver's callback. A list of rules, and not of tags, runs also those that are off unless asked for,
/// such as the one on the size of targets.
const LOOK: &str = "
const [tags, wanted, done] = arguments;
for (const closed of document.querySelectorAll('details')) closed.open = true;
const rules = axe.getRules(tags)
  .filter((rule) => !rule.tags.includes('deprecated') && (wanted === null || rule.tags.includes(wanted)))
  .map((rule) => rule.ruleId);
const told = (results) => results.flatMap((result) => result.nodes.map((node) => ({
  rule: result.id,
  help: result.help,
  target: node.target.flat().join(' '),
  html: node.html,
  why: [...node.any, ...node.all, ...node.none].map((check) => check.message).join('; '),
})));
// The scripts of the page see what was opened, and how large it is now, with the next frame.
new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)))
  .then(() => axe.run({ runOnly: { type: 'rule', values: rules }, resultTypes: ['violations', 'incomplete'] }))
  .then((found) => done({ judged: found.passes.length, violations: told(found.violations), unsure: told(found.incomplete) }))
  .catch((error) => done({ error: String(error) }));
";

/// axe-core in a browser.
pub struct Axe<'a> {
    browser: &'a Browser,
}

/// What a look at a page found.
#[derive(Debug, Deserialize)]
pub struct Found {
    /// Rules that found something to judge and nothing wrong with it.
    judged: usize,
    /// What is wrong.
    pub violations: Vec<Finding>,
    /// Of what it cannot tell: for a person to look at.
    pub unsure: Vec<Finding>,
}

/// One thing in a page.
#[derive(Debug, Clone, Deserialize)]
pub struct Finding {
    /// Id of the rule.
    pub rule: String,
    /// What the rule asks for.
    help: String,
    /// Selectors that lead to it.
    pub target: String,
    /// The element.
    html: String,
    /// What was measured.
    why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            help,
            target,
            html,
            why,
        } = self;
        write!(f, "{rule} ({help})\n    at {target}\n    {html}\n    {why}")
    }
}

impl<'a> Axe<'a> {
    /// Brings it, as `cargo xtask test` installed it, into every page that the browser opens from now on.
    pub async fn bring(browser: &'a Browser) -> anyhow::Result<Self> {
        let path = tool("axe/node_modules/axe-core/axe.min.js")?;
        let source = std::fs::read_to_string(&path);
        let source = source.with_context(|| format!("read {}", path.display()))?;
        browser.run_in_every_page(&source).await?;
        Ok(Self { browser })
    }

    /// Looks at the page that is open, as it is now.
    pub async fn look(&self, look: Look) -> anyhow::Result<Found> {
        let wanted = match look {
            Look::Whole => None,
            Look::Colours => Some(OF_COLOURS),
        };
        let arguments = vec![json!(TAGS), json!(wanted)];
        let answer = self.browser.window.execute_async(LOOK, arguments).await;
        let answer = answer.context("run axe-core in the page")?;
        let found: Found = serde_json::from_value(answer.clone())
            .with_context(|| format!("axe-core answers {answer}"))?;
        ensure!(
            found.judged >= look.judges_at_least(),
            "only {} rules found anything to judge; did the page come?",
            found.judged
        );
        Ok(found)
    }
}
