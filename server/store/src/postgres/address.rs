//! An address that may name several servers, as libpq reads it: a list of hosts before the database, or `host=` and `port=` behind it.
//!
//! sqlx reads an address of one server, so each server gets one of its own. What else the address says counts for all of them.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;

use crate::schema::chain;

/// How an address is written.
const FORM: &str = "Write postgres://USER:PASSWORD@HOST/DATABASE, or HOST,HOST for several servers of which one is the primary, for \
                    example postgres://sickbay@db.example.org/sickbay?sslmode=verify-full&sslrootcert=/etc/sickbay/db-ca.pem";

/// A server that may be the primary.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) options: PgConnectOptions,
}

impl Server {
    /// Where it is, for messages.
    pub(super) fn place(&self) -> String {
        match self.options.get_socket() {
            Some(folder) => format!("{}:{}", folder.display(), self.options.get_port()),
            None => format!("{}:{}", self.options.get_host(), self.options.get_port()),
        }
    }
}

/// What an address is made of. Nothing is decoded yet.
#[derive(Debug, Default)]
struct Parts<'a> {
    scheme: &'a str,
    /// User and password.
    who: Option<&'a str>,
    hosts: &'a str,
    database: &'a str,
    host: Option<String>,
    port: Option<String>,
    /// The rest of what stands behind the question mark.
    more: Vec<&'a str>,
}

/// Every server that the address names, in its order.
///
/// # Errors
/// What is wrong with it and how it is written. The address itself is not repeated: it may hold a password.
pub(super) fn servers(url: &str) -> Result<Vec<Server>, String> {
    let urls = single(&parts(url)?)?;
    urls.iter()
        .map(|url| {
            let options = PgConnectOptions::from_str(url).map_err(|error| {
                format!("its address cannot be read: {}. {FORM}", chain(&error))
            })?;
            Ok(Server { options })
        })
        .collect()
}

/// All of them for messages, without the password.
pub(super) fn location(servers: &[Server]) -> String {
    let database = servers
        .first()
        .and_then(|server| server.options.get_database())
        .unwrap_or_default();
    let places: Vec<String> = servers.iter().map(Server::place).collect();
    format!("postgres {database} at {}", places.join(", "))
}

fn parts(url: &str) -> Result<Parts<'_>, String> {
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| format!("its address cannot be read. {FORM}"))?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (who, place) = match place.rsplit_once('@') {
        Some((who, place)) => (Some(who), place),
        None => (None, place),
    };
    let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
    let mut parts = Parts {
        scheme,
        who,
        hosts,
        database,
        ..Parts::default()
    };
    for part in query.split('&').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("host", value)) => parts.host = Some(listed(value)),
            Some(("port", value)) => parts.port = Some(listed(value)),
            Some(("target_session_attrs", "read-write" | "primary" | "any")) => {}
            Some(("target_session_attrs", _)) => {
                return Err(
                    "its address asks for another server than the primary (target_session_attrs), and Sickbay has to write"
                        .to_owned(),
                );
            }
            _ => parts.more.push(part),
        }
    }
    Ok(parts)
}

/// A list whose commas may be written in the way of addresses.
fn listed(value: &str) -> String {
    value.replace("%2C", ",").replace("%2c", ",")
}

/// One address for each server.
fn single(parts: &Parts<'_>) -> Result<Vec<String>, String> {
    let hosts: Vec<&str> = match &parts.host {
        Some(hosts) => hosts.split(',').collect(),
        None => parts.hosts.split(',').collect(),
    };
    let ports: Vec<&str> = parts.port.iter().flat_map(|p| p.split(',')).collect();
    if ports.len() > 1 && ports.len() != hosts.len() {
        return Err(format!(
            "its address names {} hosts and {} ports: name one port for all, or one for each",
            hosts.len(),
            ports.len()
        ));
    }
    let several = hosts.len() > 1;
    if several && hosts.iter().any(|host| host.is_empty()) {
        return Err("its address has a comma with no host beside it".to_owned());
    }
    if several && parts.more.iter().any(|part| part.starts_with("hostaddr=")) {
        return Err(
            "its address names several hosts and hostaddr: name the addresses as hosts".to_owned(),
        );
    }
    Ok(hosts
        .iter()
        .enumerate()
        .map(|(n, host)| single_url(parts, host, ports.get(n).or(ports.first()).copied()))
        .collect())
}

fn single_url(parts: &Parts<'_>, host: &str, port: Option<&str>) -> String {
    let mut query: Vec<String> = parts.more.iter().map(|part| (*part).to_owned()).collect();
    let mut place = host;
    if parts.host.is_some() {
        query.push(format!("host={host}"));
        // An address with a user needs some host there; the one of the query counts.
        place = if parts.who.is_some() { "localhost" } else { "" };
    }
    query.extend(port.map(|port| format!("port={port}")));
    let who = parts.who.map_or_else(String::new, |who| format!("{who}@"));
    let mark = if query.is_empty() { "" } else { "?" };
    format!(
        "{}://{who}{place}/{}{mark}{}",
        parts.scheme,
        parts.database,
        query.join("&")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(url: &str) -> Vec<String> {
        let servers = servers(url).unwrap_or_else(|why| panic!("{url}: {why}"));
        servers.iter().map(Server::place).collect()
    }

    #[test]
    fn an_address_names_servers_in_every_way_that_libpq_knows() {
        for (url, expected) in [
            ("postgres://h1/db", &["h1:5432"] as &[_]),
            ("postgres://u:p@h1:5433/db", &["h1:5433"]),
            ("postgresql://u@h1:1,h2:2/db", &["h1:1", "h2:2"]),
            ("postgres://u@h1,h2/db?port=7,8", &["h1:7", "h2:8"]),
            ("postgres://u@h1,h2/db?port=7", &["h1:7", "h2:7"]),
            (
                "postgres://u@[::1]:7,10.0.0.1/db",
                &["[::1]:7", "10.0.0.1:5432"],
            ),
            ("postgres://u@%2Frun%2Fa/db", &["/run/a:5432"]),
            (
                "postgres://u@%2Frun%2Fa,%2Frun%2Fb/db",
                &["/run/a:5432", "/run/b:5432"],
            ),
            ("postgres:///db?host=/run/a", &["/run/a:5432"]),
            (
                "postgres://u@/db?host=/run/a,/run/b&port=1,2",
                &["/run/a:1", "/run/b:2"],
            ),
            (
                "postgres://u:p@/db?host=%2Frun%2Fa%2Ch2",
                &["/run/a:5432", "h2:5432"],
            ),
            (
                "postgres://u@h1,h2/db?target_session_attrs=read-write",
                &["h1:5432", "h2:5432"],
            ),
        ] {
            assert_eq!(places(url), expected, "{url}");
        }
    }

    #[test]
    fn user_database_and_the_rest_count_for_every_server() {
        let servers = servers("postgres://u:s%40cret@h1:1,h2:2/fleet?application_name=x")
            .expect("an address");
        for server in &servers {
            assert_eq!(server.options.get_username(), "u");
            assert_eq!(server.options.get_database(), Some("fleet"));
            assert_eq!(server.options.get_application_name(), Some("x"));
        }
        let said = location(&servers);
        assert_eq!(said, "postgres fleet at h1:1, h2:2");
    }

    #[test]
    fn an_address_that_cannot_be_used_is_told_without_its_password() {
        for (url, expected) in [
            ("postgres://u:secret@h1,,h2/db", "no host"),
            (
                "postgres://u:secret@h1,h2,h3/db?port=1,2",
                "3 hosts and 2 ports",
            ),
            ("postgres://u:secret@h1:no,h2/db", "cannot be read"),
            ("postgres://u:secret@h1,h2/db?hostaddr=10.0.0.1", "hostaddr"),
            (
                "postgres://u:secret@h1/db?target_session_attrs=standby",
                "primary",
            ),
        ] {
            let said = servers(url).expect_err(url);
            assert!(said.contains(expected), "{url}: {said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
