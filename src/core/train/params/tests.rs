use super::*;

/// Names and values.
type Settings<'a> = &'a [(&'a str, &'a str)];

/// Values of a parameter that differ from the default.
fn others(param: &TrainParam) -> Vec<String> {
    match param.kind {
        Kind::Integer { min, max } => vec![(min + 1).to_string(), max.to_string()],
        Kind::Number { min, max } => vec![min.to_string(), (max / 3.0).to_string()],
        Kind::Name(names) | Kind::Form(names) => names.iter().map(|n| (*n).to_owned()).collect(),
        other => panic!("a training has no {other:?}"),
    }
}

#[test]
fn every_parameter_can_be_read_and_written() {
    let start = TrainRecipe {
        optimiser: Optimiser::Sgd { momentum: 0.9, nesterov: false, decay: 0.0 },
        ..TrainRecipe::default()
    };
    for param in &TRAIN_PARAMS {
        for value in others(param) {
            let mut recipe = start.clone();
            recipe.set(param.name, &value).unwrap();
            let shown = if value == "adamw:0.9:0.999" { "adamw" } else { &value };
            assert_eq!(recipe.get(param.name), shown, "{}", param.name);
            assert_eq!(recipe == start, start.get(param.name) == shown, "{} {value}", param.name);
        }
    }
}

/// Flags in the table's order bring back every recipe, whatever it is put upon.
#[test]
fn flags_repeat_a_recipe() {
    let mut recipe = TrainRecipe::default();
    for (name, value) in [
        ("optimiser", "sgd"),
        ("momentum", "0.8"),
        ("nesterov", "on"),
        ("lr", "1e-7"),
        ("crop", "pad:4"),
        ("seed", "18446744073709551615"),
    ] {
        recipe.set(name, value).unwrap();
    }
    for original in [TrainRecipe::default(), recipe] {
        let flags = original.flags();
        let words: Vec<&str> = flags.split(' ').collect();
        let mut back = TrainRecipe {
            batch: 1,
            optimiser: Optimiser::Sgd { momentum: 0.1, nesterov: true, decay: 3.0 },
            ..TrainRecipe::default()
        };
        for pair in words.chunks(2) {
            back.set(pair[0].trim_start_matches("--"), pair[1]).unwrap();
        }
        assert_eq!(back, original, "{flags}");
    }
    assert_eq!(
        TrainRecipe::default().flags(),
        "--epochs 300 --batch 50 --accumulation 1 --optimiser adamw --decay 0.01 --decay-all off --lr 0.001 \
         --schedule half-cosine --loss kl:20 --labels online --mixing cutmix --shuffle 1 --decode-first off --crop rrc:1:1 --flip on \
         --dsa off --statistics-twice on --evaluate late --val-edge 0 --seed 0 --seeds 1"
    );
}

#[test]
fn bad_values_name_the_flag_and_the_remedy() {
    let mut recipe = TrainRecipe::default();
    for (name, value) in [
        ("epochs", "0"),
        ("lr", "0"),
        ("lr", "nan"),
        ("flip", "yes"),
        ("loss", "kl"),
        ("momentum", "0.9"),
        ("nesterov", "on"),
        ("decay", "-1"),
        ("labels", "soft"),
        ("nonsense", "1"),
    ] {
        let error = recipe.set(name, value).unwrap_err().to_string();
        assert!(error.starts_with(&format!("--{name} {value}: ")), "{error}");
    }
    assert_eq!(recipe, TrainRecipe::default());
}

#[test]
fn what_does_not_go_together_is_refused() {
    assert_eq!(TrainRecipe::default().check(), Ok(()));
    let hard = [("loss", "hard-ce"), ("labels", "hard"), ("mixing", "none")];
    let cases: [(Settings<'_>, Option<&str>); 6] = [
        (&hard, None),
        (&hard[..2], Some("mixing")),
        (&hard[1..], Some("labels")),
        (&[("batch", "4"), ("accumulation", "5")], Some("accumulation")),
        (&[("optimiser", "sgd"), ("momentum", "0"), ("nesterov", "on")], Some("nesterov")),
        (&[("labels", "stored"), ("mixing", "mixup:0.8")], None),
    ];
    for (settings, wrong) in cases {
        let mut recipe = TrainRecipe::default();
        settings.iter().for_each(|(name, value)| recipe.set(name, value).unwrap());
        assert_eq!(recipe.check().err().map(|e| e.name).as_deref(), wrong, "{settings:?}");
    }
}
