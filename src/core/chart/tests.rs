use super::*;

fn curve(seed: u64, losses: &[f64], top1: &[(u32, f64)]) -> Curve {
    let point = |(epoch, loss): (u32, &f64)| Point {
        epoch,
        loss: *loss,
        train_top1: 10.0 * f64::from(epoch),
        rate: 1e-3,
        evaluated: top1.iter().find(|(e, _)| *e == epoch).map(|(_, t)| (*t, 99.0)),
        seconds: 1.0,
    };
    Curve { seed, points: (0..).zip(losses).map(point).collect(), confusion: None }
}

/// By hand with weight ½: 4; (½·4 + 2)/(1½) = 8/3; (¼·4 + ½·2 + 3)/(1¾) = 20/7.
#[test]
fn smoothing_weighs_by_powers_and_starts_at_the_first_value() {
    let smooth = smoothed(&[4.0, 2.0, 3.0], 0.5);
    let wanted = [4.0, 8.0 / 3.0, 20.0 / 7.0];
    assert!(smooth.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{smooth:?}");
    assert_eq!(smoothed(&[4.0, 2.0], 0.0), [4.0, 2.0]);
    assert!(smoothed(&[], 0.9).is_empty());
}

/// Seeds 1 and 2 have losses 1 and 3 (mean 2, std √2); only the first reached epoch 2; a NaN is no sample.
#[test]
fn bands_are_over_the_seeds_that_got_there() {
    let curves = [curve(0, &[1.0, 5.0], &[]), curve(1, &[3.0], &[]), curve(2, &[f64::NAN], &[])];
    let of = samples(&curves, Quantity::Loss, 0.0);
    assert_eq!(of.len(), 2);
    assert_eq!((of[0].epoch, of[0].mean, of[0].seeds), (1, 2.0, 2));
    assert!((of[0].std - 2_f64.sqrt()).abs() < 1e-12);
    assert_eq!(of[1], Sample { epoch: 2, mean: 5.0, std: 0.0, seeds: 1 });
}

/// Smoothed by ½: seed 0 gives 1, (½·1 + 4)/1½ = 3; seed 1 gives 2, 2.
#[test]
fn every_seed_is_smoothed_before_the_mean() {
    let curves = [curve(0, &[1.0, 4.0], &[(1, 50.0)]), curve(1, &[2.0, 2.0], &[(1, 60.0)])];
    let of = samples(&curves, Quantity::Loss, 0.5);
    assert_eq!((of[0].mean, of[1].mean), (1.5, 2.5));
    // Evaluations are not smoothed.
    let top1 = samples(&curves, Quantity::Top1, 0.9);
    assert_eq!((top1.len(), top1[0].epoch, top1[0].mean), (1, 2, 55.0));
    assert_eq!(nearest(&of, 1.4).map(|s| s.epoch), Some(1));
    assert_eq!(nearest(&of, 99.0).map(|s| s.epoch), Some(2));
    assert_eq!(nearest(&[], 1.0), None);
}

#[test]
fn charts_hold_what_the_view_asks_for() {
    let curves = [curve(0, &[1.0, 0.1], &[(1, 50.0)])];
    let run = Run { name: "a", colour: 2, curves: &curves };
    let view = View { smoothing: 0.0, log_loss: true, train_top1: true };
    let [loss, accuracy, rate] = charts(&[run], &view);
    assert_eq!(accuracy.lines.iter().map(|l| l.style).collect::<Vec<_>>(), [Style::Dashed, Style::Marked]);
    assert_eq!((loss.lines.len(), rate.lines.len(), loss.last_epoch()), (1, 1, 2));
    assert!(loss.lines[0].raw.is_empty());
    assert_eq!((loss.place(0.1), loss.place(0.0), loss.place(-1.0)), (Some(-1.0), None, None));
    assert!((loss.value(-1.0) - 0.1).abs() < 1e-12);
    // Down to a tenth where the band would reach 0.
    let wide = Sample { epoch: 1, mean: 1.0, std: 9.0, seeds: 2 };
    assert_eq!(loss.band(&wide), Some((-1.0, 1.0)));
    assert_eq!(rate.band(&wide), Some((-8.0, 10.0)));
    let [smooth, accuracy, _] = charts(&[run], &View { smoothing: 0.5, train_top1: false, ..view });
    assert_eq!((smooth.lines[0].raw.len(), accuracy.lines.len()), (2, 1));
}

/// Two names of 34 letters fit in a row of the legend; as many Chinese characters, which are as wide as high, do not.
#[test]
fn a_legend_in_any_script_is_no_wider_than_the_picture() {
    let curves = [curve(0, &[1.0, 0.5], &[(1, 50.0)])];
    let rows = |letter: &str| {
        let names = [letter.repeat(34), letter.repeat(33)];
        let runs = [0, 1].map(|i| Run { name: &names[i], colour: i, curves: &curves });
        let view = View { smoothing: 0.0, log_loss: false, train_top1: false };
        let picture = svg::write(&charts(&runs, &view), &["#000".to_owned(), "#111".to_owned()]);
        assert!(picture.contains("'Noto Sans CJK SC'") && picture.contains(", sans-serif\""));
        let place = |name: &String| {
            let line = picture.lines().find(|line| line.contains(&format!(">{name}</text>"))).unwrap();
            line.split("y=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
        };
        (place(&names[0]), place(&names[1]))
    };
    let (first, second) = rows("a");
    assert_eq!(first, second);
    let (first, second) = rows("字");
    assert_ne!(first, second);
}
