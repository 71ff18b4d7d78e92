//! A call as somebody writes it in a shell: with curl, and with PowerShell's `Invoke-RestMethod`.
//!
//! The token comes from the environment variable `SICKBAY_TOKEN`, so that it stands neither on the page nor in the shell's history.

use serde_json::Value;
use sickbay_packaging::powershell_string as in_powershell;

use super::{JSON, Parameter};

/// A call, filled in.
pub(super) struct Asked {
    method: String,
    /// Path and query.
    path: String,
    body: Option<Value>,
    gives: Gives,
}

/// What comes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Gives {
    /// A page of a list, with `next_cursor`.
    Page,
    /// Something whole.
    Whole,
    /// A file of this name.
    File(String),
    /// Events, for as long as one listens.
    Stream,
}

impl Asked {
    /// With the examples of its parameters.
    pub(super) fn new(
        method: &str,
        path: &str,
        parameters: &[Parameter],
        body: Option<&Value>,
        operation: &Value,
    ) -> Self {
        let of = |place: &'static str| {
            let parameters = parameters.iter();
            parameters.filter(move |parameter| parameter.place == place)
        };
        let filled = of("path").fold(path.to_owned(), |path, parameter| {
            path.replace(
                &format!("{{{}}}", parameter.name),
                &encoded(&parameter.example),
            )
        });
        let query: Vec<String> = of("query")
            .filter(|parameter| !parameter.example.is_empty())
            .map(|parameter| format!("{}={}", parameter.name, encoded(&parameter.example)))
            .collect();
        let gives = gives(
            &filled,
            of("query").any(|one| one.name == "cursor"),
            operation,
        );
        let mark = if query.is_empty() { "" } else { "?" };
        Self {
            method: method.to_owned(),
            path: format!("{filled}{mark}{}", query.join("&")),
            body: body.cloned(),
            gives,
        }
    }

    /// A line for a shell with curl.
    pub(super) fn curl(&self, server: &str) -> String {
        let mut words = vec!["curl".to_owned()];
        // A refusal is an error of the line, and says why.
        words.push(match &self.gives {
            Gives::Stream => "--no-buffer".to_owned(),
            _ => "--fail-with-body".to_owned(),
        });
        if let Gives::File(_) = self.gives {
            words.push("--remote-name".to_owned());
        }
        if !matches!(self.method.as_str(), "GET" | "POST") {
            words.push(format!("--request {}", self.method));
        }
        words.push("--header \"Authorization: Bearer $SICKBAY_TOKEN\"".to_owned());
        match &self.body {
            Some(Value::String(kind)) => {
                words.push(format!(
                    "--header {}",
                    in_sh(&format!("Content-Type: {kind}"))
                ));
                words.push("--data-binary @machines.csv".to_owned());
            }
            Some(body) => words.push(format!("--json {}", in_sh(&body.to_string()))),
            None if self.method == "POST" => words.push("--request POST".to_owned()),
            None => {}
        }
        words.push(in_sh(&self.address(server)));
        words.join(" ")
    }

    /// Lines for PowerShell, which stand on their own.
    pub(super) fn powershell(&self, server: &str) -> String {
        let headers = "$headers = @{ Authorization = \"Bearer $env:SICKBAY_TOKEN\" }\n";
        let address = in_powershell(&self.address(server));
        match &self.gives {
            Gives::Stream => {
                let bearer = "\"Authorization: Bearer $env:SICKBAY_TOKEN\"";
                format!("curl.exe --no-buffer --header {bearer} {address}")
            }
            Gives::Page => {
                let mark = if self.path.contains('?') { '&' } else { '?' };
                format!(
                    "{headers}$address = {address}\n\
                     $cursor = $null\n\
                     $all = do {{\n    \
                         $next = if ($cursor) {{ \"{mark}cursor=$cursor\" }} else {{ '' }}\n    \
                         $page = Invoke-RestMethod -Headers $headers -Uri ($address + $next)\n    \
                         $page.items\n    \
                         $cursor = $page.next_cursor\n\
                     }} while ($cursor)"
                )
            }
            Gives::File(name) => {
                let name = in_powershell(name);
                format!(
                    "{headers}Invoke-RestMethod -Headers $headers -Uri {address} -OutFile {name}"
                )
            }
            Gives::Whole => {
                let mut words = vec![format!(
                    "{headers}Invoke-RestMethod -Headers $headers -Uri {address}"
                )];
                if self.method != "GET" {
                    words.push(format!("-Method {}", self.method));
                }
                match &self.body {
                    Some(Value::String(kind)) => {
                        words.push(format!("-ContentType '{kind}' -InFile 'machines.csv'"));
                    }
                    Some(body) => {
                        let body = in_powershell(&body.to_string());
                        words.push(format!("-ContentType '{JSON}' -Body {body}"));
                    }
                    None => {}
                }
                words.join(" ")
            }
        }
    }

    fn address(&self, server: &str) -> String {
        format!("{server}{}", self.path)
    }
}

fn gives(path: &str, has_cursor: bool, operation: &Value) -> Gives {
    if has_cursor {
        return Gives::Page;
    }
    let content = operation["responses"]["200"]["content"].as_object();
    let kinds: Vec<&str> = content
        .into_iter()
        .flatten()
        .map(|(kind, _)| kind.as_str())
        .collect();
    match kinds.as_slice() {
        ["text/event-stream"] => Gives::Stream,
        [] | [JSON] => Gives::Whole,
        _ => Gives::File(path.rsplit('/').next().unwrap_or_default().to_owned()),
    }
}

/// Percent-encoded, but for the unreserved characters of RFC 3986, commas and colons, which read better and mean nothing in a query.
fn encoded(text: &str) -> String {
    let bytes = text.bytes().map(|byte| {
        if byte.is_ascii_alphanumeric() || b"-._~,:".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    bytes.collect()
}

/// As one word of a POSIX shell.
fn in_sh(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_shell_reads_each_text_as_one_word(text in "[^\0]{0,40}") {
            let script = format!("printf %s {}", in_sh(&text));
            let output = std::process::Command::new("sh").args(["-c", &script]).output();
            let output = output.expect("a shell starts");
            prop_assert_eq!(String::from_utf8_lossy(&output.stdout), text);
        }
    }
}
