//! Which text a scraper wants: what its `Accept` says (RFC 9110 §12.5.1).

use http::{HeaderMap, header};

use super::text::Format;

/// Versions of OpenMetrics that a scraper may name: who reads the draft, 0.0.1, reads what is written here too.
const VERSIONS: [&str; 2] = ["1.0.0", "0.0.1"];

impl Format {
    /// OpenMetrics where it is named and nothing that is written here is liked better, Prometheus' own text otherwise.
    pub(crate) fn asked(fields: &HeaderMap) -> Self {
        let mut liked = [0.0_f32; 2];
        let values = fields.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        for range in values.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let kind = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/openmetrics-text" => 0,
                "text/plain" | "text/*" => 1,
                _ => continue,
            };
            let (mut weight, mut is_known) = (1.0, true);
            for (key, value) in parts.filter_map(|part| part.split_once('=')) {
                let value = value.trim().trim_matches('"');
                match key.trim().to_ascii_lowercase().as_str() {
                    "q" => weight = value.parse().unwrap_or(0.0),
                    "version" if kind == 0 => is_known = VERSIONS.contains(&value),
                    _ => {}
                }
            }
            if let Some(most) = liked.get_mut(kind).filter(|_| is_known) {
                *most = most.max(weight);
            }
        }
        let [open, plain] = liked;
        if open > 0.0 && open >= plain { Self::OpenMetrics } else { Self::Prometheus }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scraper_gets_the_text_that_it_likes_best_and_who_names_none_gets_prometheus_own() {
        for (accept, is_open) in [
            (vec![], false),
            (vec!["*/*"], false),
            (vec!["text/html, */*;q=0.8"], false),
            (vec!["application/openmetrics-text"], true),
            (vec!["Application/OpenMetrics-Text; Version=1.0.0; charset=utf-8"], true),
            (vec!["application/openmetrics-text;version=\"1.0.0\""], true),
            (vec!["text/plain", "application/openmetrics-text"], true),
            (vec!["text/plain;q=0.5, application/openmetrics-text;q=0.4"], false),
            (vec!["application/openmetrics-text;q=0"], false),
            (vec!["application/openmetrics-text;q=lots"], false),
            (vec!["application/openmetrics-text;version=2.0.0, */*"], false),
            (vec!["application/openmetrics-text-like"], false),
            // What Prometheus sends.
            (
                vec![
                    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                     application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,\
                     text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                ],
                true,
            ),
        ] {
            let mut fields = HeaderMap::new();
            for value in &accept {
                fields.append(header::ACCEPT, value.parse().unwrap());
            }
            let format = if is_open { Format::OpenMetrics } else { Format::Prometheus };
            assert_eq!(Format::asked(&fields), format, "{accept:?}");
        }
    }
}
