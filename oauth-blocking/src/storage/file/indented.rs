//! JSON with a line for each member, for people who look into a file.

/// The same JSON, as `serde_json::to_string_pretty` would write it. There must be no white space in it.
pub(super) fn indented(json: &str) -> String {
    // Enough for records: what grows leaves copies behind, and there are tokens in it.
    let mut text = String::with_capacity(json.len() * 2);
    let (mut depth, mut is_in_text, mut is_escaped) = (0, false, false);
    let mut before = ' ';
    for letter in json.chars() {
        if is_in_text {
            is_in_text = letter != '"' || is_escaped;
            is_escaped = letter == '\\' && !is_escaped;
            text.push(letter);
            continue;
        }
        let is_first = matches!(before, '{' | '[');
        let is_end = matches!(letter, '}' | ']');
        if is_end {
            depth -= 1;
        }
        if before == ',' || is_first != is_end {
            line(&mut text, depth);
        }
        text.push(letter);
        match letter {
            '{' | '[' => depth += 1,
            ':' => text.push(' '),
            '"' => is_in_text = true,
            _ => {}
        }
        before = letter;
    }
    text
}

fn line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn it_writes_what_serde_json_writes() {
        for json in [
            "{}",
            "[]",
            "null",
            r#"{"a":1,"b":[],"c":{},"d":[{}],"e":[1,[2,{"f":null}]],"g":"{[,:\\\"]}\\","h":-0.5}"#,
            r#"[[[]],{"":""},"ü\u0000",true]"#,
        ] {
            let value: Value = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}"));
            let compact = value.to_string();
            assert_eq!(Some(indented(&compact)), serde_json::to_string_pretty(&value).ok());
        }
    }
}
