use super::*;

fn classes(names: &[&str]) -> Vec<Class> {
    names.iter().map(|n| Class { name: (*n).into(), title: None, folder: n.as_bytes().to_vec() }).collect()
}

fn outputs(count: usize, names: Option<&[String]>) -> Outputs<'_> {
    Outputs { count, names, order: ClassOrder::Auto }
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

#[test]
fn a_given_map_wins_over_all_else() {
    let data = classes(&["a", "b"]);
    let names = texts(&["a", "b", "c"]);
    let outputs = outputs(3, Some(&names));
    let map = resolve(&data, outputs, Some(&GivenMap::Ordered(vec![2, 0]))).unwrap();
    assert_eq!(map, ClassMap::new(vec![2, 0], Rule::Given));
    let named = GivenMap::Named(vec![("b".into(), 1), ("a".into(), 2), ("unused".into(), 2)]);
    assert_eq!(resolve(&data, outputs, Some(&named)).unwrap().outputs, [2, 1]);
}

#[test]
fn bad_given_maps_name_the_class() {
    let data = classes(&["a", "b"]);
    let outputs = outputs(3, None);
    let of = |map| resolve(&data, outputs, Some(&map)).unwrap_err();
    assert_eq!(of(GivenMap::Ordered(vec![1])), ClassMapError::WrongLength { given: 1, classes: 2 });
    assert_eq!(of(GivenMap::Named(vec![("a".into(), 1)])), ClassMapError::NotInMap { class: "b".into() });
    assert_eq!(of(GivenMap::Ordered(vec![0, 3])), ClassMapError::OutOfRange { class: "b".into(), output: 3, last: 2 });
    let twice = ClassMapError::Twice { first: "a".into(), second: "b".into(), output: 1 };
    assert_eq!(of(GivenMap::Ordered(vec![1, 1])), twice);
}

#[test]
fn names_or_titles_of_a_part_of_the_outputs_are_enough() {
    let mut data = classes(&["n01", "owl"]);
    data[0].title = Some("cat".into());
    let names = texts(&["dog", "owl", "cat"]);
    let map = resolve(&data, outputs(3, Some(&names)), None).unwrap();
    assert_eq!(map, ClassMap::new(vec![2, 1], Rule::Names));
    let names = texts(&["cat", "owl", "cat"]);
    let error = resolve(&data, outputs(3, Some(&names)), None).unwrap_err();
    assert_eq!(error, ClassMapError::Ambiguous { class: "cat".into() });
    let error = resolve(&data, outputs(4, Some(&names)), None).unwrap_err();
    assert_eq!(error, ClassMapError::NamesCount { names: 3, outputs: 4 });
}

/// Names of a Mac's folders are decomposed; those of cards and maps are as people type them.
#[test]
fn names_fit_in_any_unicode_form() {
    let data = classes(&["cafe\u{301}", "\u{1100}\u{1169}\u{110b}\u{1163}\u{11bc}"]);
    let names = texts(&["\u{ace0}\u{c591}", "caf\u{e9}", "cafe"]);
    let outputs = Outputs { count: 3, names: Some(&names), order: ClassOrder::Auto };
    let map = resolve(&data, outputs, None).unwrap();
    assert_eq!((map.outputs, map.rule), (vec![1, 0], Rule::Names));
    let named = |text: &str, output| GivenMap::Named(vec![("\u{ace0}\u{c591}".into(), 0), (text.into(), output)]);
    assert_eq!(resolve(&data, outputs, Some(&named("caf\u{e9}", 2))).unwrap().outputs, [2, 0]);
    // Two names that differ in their form alone stay apart where both are spelled as the classes are.
    let both = texts(&["caf\u{e9}", "cafe\u{301}", "\u{ace0}\u{c591}"]);
    assert_eq!(resolve(&data, Outputs { names: Some(&both), ..outputs }, None).unwrap().outputs, [1, 2]);
}

#[test]
fn wordnet_ids_map_to_a_thousand_outputs() {
    let data = classes(&["n02099601", "n15075141"]);
    let map = resolve(&data, outputs(1000, None), None).unwrap();
    assert_eq!(map, ClassMap::new(vec![207, 999], Rule::WordNet));
    // The folders of a distilled set are numbered, and the ids are their titles.
    let mut distilled = classes(&["00000", "00001"]);
    distilled[0].title = Some("n15075141".into());
    distilled[1].title = Some("n02099601".into());
    let map = resolve(&distilled, outputs(1000, None), None).unwrap();
    assert_eq!(map, ClassMap::new(vec![999, 207], Rule::WordNet));
    assert_eq!(distilled[1].shown(), "golden retriever");
    // An id that ImageNet-1k lacks is the obstacle, and the error says so.
    let data = classes(&["n02099601", "n00000001"]);
    let error = resolve(&data, outputs(1000, None), None).unwrap_err();
    assert_eq!(error, ClassMapError::NoRule { class: "n00000001".into(), classes: 2, outputs: 1000 });
}

#[test]
fn the_order_is_the_last_resort_and_must_not_contradict_names() {
    let data = classes(&["bird", "cat", "plane"]);
    let order = ClassMap::new(vec![0, 1, 2], Rule::Order);
    assert_eq!(resolve(&data, outputs(3, None), None).unwrap(), order);
    // "airplane" is spelt differently, but the names that are known are where the order puts them.
    let names = texts(&["bird", "cat", "airplane"]);
    assert_eq!(resolve(&data, outputs(3, Some(&names)), None).unwrap(), order);
    let names = texts(&["airplane", "bird", "cat"]);
    let error = resolve(&data, outputs(3, Some(&names)), None).unwrap_err();
    assert_eq!(error, ClassMapError::NotNamed { class: "plane".into(), other: "bird".into(), output: 1 });
    let error = resolve(&data, outputs(10, None), None).unwrap_err();
    assert!(error.to_string().contains("3 classes and the observer 10 outputs"), "{error}");
}

/// Ten folders called by numbers are sorted as text; ordered by number are the outputs, unless a name or the user says
/// otherwise.
#[test]
fn integers_are_in_order_of_number() {
    let data = classes(&["1", "10", "2"]);
    let map = resolve(&data, outputs(3, None), None).unwrap();
    assert_eq!(map, ClassMap { outputs: vec![0, 2, 1], rule: Rule::Number, as_text: Some(vec![0, 1, 2]) });
    let asked = |order| Outputs { count: 3, names: None, order };
    assert_eq!(resolve(&data, asked(ClassOrder::Text), None).unwrap(), ClassMap::new(vec![0, 1, 2], Rule::Order));
    let number = resolve(&data, asked(ClassOrder::Number), None).unwrap();
    assert_eq!(number, ClassMap::new(vec![0, 2, 1], Rule::Number), "nothing is left to try");
    let others = classes(&["class1", "class10", "class2"]);
    assert_eq!(resolve(&others, outputs(3, None), None).unwrap().rule, Rule::Order);
    let error = resolve(&others, asked(ClassOrder::Number), None).unwrap_err();
    assert_eq!(error, ClassMapError::NoNumber { class: "class1".into() });
    // One name is known, and only the order of text puts it where it is.
    let names = texts(&["one", "10", "two"]);
    assert_eq!(resolve(&data, outputs(3, Some(&names)), None).unwrap(), ClassMap::new(vec![0, 1, 2], Rule::Order));
    // Or only that of number.
    let names = texts(&["one", "two", "10"]);
    assert_eq!(resolve(&data, outputs(3, Some(&names)), None).unwrap(), ClassMap::new(vec![0, 2, 1], Rule::Number));
    // Or neither.
    let names = texts(&["10", "one", "two"]);
    let error = resolve(&data, outputs(3, Some(&names)), None).unwrap_err();
    assert_eq!(error, ClassMapError::NotNamed { class: "1".into(), other: "10".into(), output: 0 });
}

#[test]
fn an_exchange_leaves_no_output_shared() {
    assert_eq!(exchanged(&[0, 1, 2], 0, 2), [2, 1, 0], "two classes swap");
    assert_eq!(exchanged(&[0, 1, 2], 1, 7), [0, 7, 2], "nobody's output is taken");
    assert_eq!(exchanged(&[0, 1, 2], 1, 1), [0, 1, 2]);
    assert_eq!(exchanged(&[0, 1], 5, 0), [0, 1], "no such class");
}
