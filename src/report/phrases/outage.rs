//! An outage: one sentence in the place of hundreds of changes and findings.

use crate::model::Outage;

/// `273 of 276 targets silent: is the network up? nothing is closed or new`.
pub(in crate::report) fn outage_text(outage: Outage, others_changed: bool) -> String {
    let Outage { silent, asked } = outage;
    let others = if others_changed {
        "only changes and findings of the others are listed"
    } else {
        "nothing is closed or new"
    };
    format!("{silent} of {asked} targets silent: is the network up? {others}")
}

#[cfg(test)]
mod tests {
    use super::super::super::Format;
    use super::super::super::sample;

    #[test]
    fn people_read_one_sentence_and_programs_everything() {
        let sample = sample::outage(276);
        let sentence = "267 of 270 targets silent: is the network up? nothing is closed or new";
        let rule = "target-not-covered";
        for format in [
            Format::Table,
            Format::Markdown,
            Format::Html,
            Format::Github,
        ] {
            let text = sample::rendered(format, &sample);
            assert_eq!(text.matches(sentence).count(), 1, "{format}");
            assert!(!text.contains(rule), "{format}");
        }
        for format in [Format::Json, Format::Sarif, Format::Gitlab] {
            let text = sample::rendered(format, &sample);
            assert!(!text.contains(sentence), "{format}");
            assert!(text.matches(rule).count() >= 273, "{format}");
        }
    }

    #[test]
    fn targets_that_answer_are_shown_as_ever() {
        let mut sample = sample::outage(276);
        let changed = sample::mixed().changes.unwrap().remove(0);
        sample.changes.as_mut().unwrap().insert(0, changed);
        for format in [Format::Table, Format::Markdown, Format::Html] {
            let text = sample::rendered(format, &sample);
            assert!(
                text.contains("is the network up? only changes and findings of the others"),
                "{format}"
            );
            assert!(
                text.contains("prod-eu-3") && text.contains("onprem-fra-1"),
                "{format}"
            );
        }
    }
}
