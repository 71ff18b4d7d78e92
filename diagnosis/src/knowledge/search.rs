//! Looking up error codes by whatever somebody knows of one: a form of it, a part of it, words of its name, area, meaning or fix.

use super::{ErrorCode, Knowledge};
use crate::error_code::spelled;

/// Codes of one answer at most.
pub const FOUND_AT_MOST: usize = 200;
/// Words of a question that are looked at.
const WORDS: usize = 12;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found<'k> {
    /// The best of them, best first, at most [`FOUND_AT_MOST`].
    pub codes: Vec<&'k ErrorCode>,
    /// How many there are.
    pub total: usize,
}

impl Knowledge {
    /// The codes that a text mentions, then those that have all of its words. The same question has the same answer, in the same order.
    pub fn search_errors(&self, query: &str) -> Found<'_> {
        let mut codes: Vec<&ErrorCode> = self
            .explain(query)
            .codes
            .iter()
            .filter_map(|explained| explained.known)
            .collect();
        let words: Vec<String> = query
            .split_whitespace()
            .take(WORDS)
            .map(str::to_lowercase)
            .collect();
        let mut ranked: Vec<(u32, &ErrorCode)> = self
            .error_codes()
            .iter()
            .filter(|code| !codes.iter().any(|had| had.code == code.code))
            .filter_map(|code| Some((rank(code, &words)?, code)))
            .collect();
        ranked.sort_by_key(|(rank, code)| (*rank, code.code));
        codes.extend(ranked.into_iter().map(|(_, code)| code));
        let total = codes.len();
        codes.truncate(FOUND_AT_MOST);
        Found { codes, total }
    }
}

/// How far a code is from the words, 0 being closest; nothing where it lacks one.
fn rank(code: &ErrorCode, words: &[String]) -> Option<u32> {
    if words.is_empty() {
        return None;
    }
    let of_row = Words {
        code: spelled(code.code).to_lowercase(),
        name: code.name.to_lowercase(),
        area: code.area.to_lowercase(),
        meaning: code.meaning.to_lowercase(),
        fix: code.fix.to_lowercase(),
    };
    words.iter().map(|word| of_row.rank(word)).sum()
}

/// The texts of a row in small letters.
struct Words {
    code: String,
    name: String,
    area: String,
    meaning: String,
    fix: String,
}

impl Words {
    fn rank(&self, word: &str) -> Option<u32> {
        /// A shorter part of a code would be found everywhere.
        const PART_OF_CODE: usize = 3;

        let is_part_of_code = word.len() >= PART_OF_CODE && self.code.contains(word);
        let ranks = [
            self.name == word || self.area == word,
            is_part_of_code || self.name.starts_with(word),
            self.name.contains(word),
            self.area.contains(word),
            self.meaning.contains(word),
            self.fix.contains(word),
        ];
        ranks
            .iter()
            .zip(0..)
            .find_map(|(holds, rank)| holds.then_some(rank))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(query: &str) -> Vec<String> {
        let found = Knowledge::built_in().search_errors(query);
        assert!(found.codes.len() <= found.total);
        found.codes.iter().map(|c| c.name.to_string()).collect()
    }

    #[test]
    fn the_code_that_was_asked_for_comes_first() {
        for query in ["0x8024402C", "-2145107924", "error 8024402c in a log"] {
            assert_eq!(
                names(query)[0],
                "WU_E_PT_WINHTTP_NAME_NOT_RESOLVED",
                "{query}"
            );
        }
        assert_eq!(
            names("wu_e_pt_http_status_denied")[0],
            "WU_E_PT_HTTP_STATUS_DENIED"
        );
        assert_eq!(names("10060")[0], "WSAETIMEDOUT");
    }

    #[test]
    fn all_words_must_be_there_somewhere() {
        let found = Knowledge::built_in().search_errors("proxy authentication");
        assert!(!found.codes.is_empty());
        for code in &found.codes {
            let all = format!("{} {} {} {}", code.name, code.area, code.meaning, code.fix);
            let all = all.to_lowercase();
            assert!(all.contains("proxy") && all.contains("auth"), "{all}");
        }
        assert!(names("proxy nosuchwordanywhere").is_empty());
        assert!(names("").is_empty());
    }

    #[test]
    fn an_area_a_part_of_a_name_and_the_beginning_of_a_code_are_found() {
        let known = Knowledge::built_in();
        let of_area = known.search_errors("Winsock");
        let in_area = known.error_codes().iter().filter(|c| &*c.area == "Winsock");
        assert!(
            of_area.codes[..in_area.count()]
                .iter()
                .all(|c| &*c.area == "Winsock")
        );
        assert!(names("store_corrupt").contains(&"CBS_E_STORE_CORRUPTION".to_owned()));
        let beginning = known.search_errors("0x80244");
        assert!(beginning.codes.iter().all(|c| c.code >> 12 == 0x80244));
        assert!(beginning.total > 20);
    }

    #[test]
    fn many_are_counted_and_not_all_told() {
        let found = Knowledge::built_in().search_errors("wu_e");
        assert_eq!(found.codes.len(), FOUND_AT_MOST);
        assert!(found.total > FOUND_AT_MOST);
        assert_eq!(found, Knowledge::built_in().search_errors("wu_e"));
    }
}
