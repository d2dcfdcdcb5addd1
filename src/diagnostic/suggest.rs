//! What was probably meant.

/// The candidate that a misspelt word most likely means, if one is near enough. Ties go to the first.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |s: &str| {
        s.chars()
            .filter(|c| !matches!(c, '-' | '_'))
            .collect::<String>()
            .to_lowercase()
    };
    let folded = fold(word);
    let near = candidates.into_iter().filter_map(|candidate| {
        let distance = strsim::osa_distance(&folded, &fold(candidate));
        let limit = 1 + word.len().max(candidate.len()) / 4;
        (distance <= limit && candidate != word).then_some((distance, candidate))
    });
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn finds() {
        assert_eq!(closest("replcias", ["replicas", "roles"]), Some("replicas"));
        assert_eq!(
            closest("image-pull-policy", ["image", "imagePullPolicy"]),
            Some("imagePullPolicy")
        );
        assert_eq!(closest("zebra", ["replicas", "roles"]), None);
        assert_eq!(closest("x", ["name"]), None);
    }
}
