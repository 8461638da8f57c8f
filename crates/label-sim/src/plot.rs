//! A report as a picture.

use crate::report::Report;
use plotters::coord::Shift;
use plotters::prelude::*;

/// The picture could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the plot could not be drawn: {0}")]
pub struct PlotError(String);

const PAID: RGBColor = RGBColor(38, 110, 160);
const LOST: RGBColor = RGBColor(190, 70, 50);

/// The shares of the price by kind of worker, as an SVG file: bars are means, thin lines the middle
/// four fifths of the workers, red the means after lost stakes where they differ.
///
/// # Errors
///
/// [`PlotError`] if the report can't be drawn.
pub fn svg(report: &Report) -> Result<String, PlotError> {
    let mut picture = String::new();
    {
        let area = SVGBackend::with_string(&mut picture, (860, 480)).into_drawing_area();
        draw(&area, report).map_err(|error| PlotError(error.to_string()))?;
    }
    Ok(picture)
}

fn draw<'a>(
    area: &DrawingArea<SVGBackend<'a>, Shift>,
    report: &Report,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
    area.fill(&WHITE)?;
    let groups = &report.groups;
    let lowest = groups.iter().map(|group| group.net).fold(0.0, f64::min);
    let caption = format!(
        "{:.1} % of {} labels right, {:.2} answers paid for each; {} batches of {} pages",
        100.0 * report.label_accuracy,
        "consensus",
        report.cost_per_label,
        report.batches,
        report.pages
    );
    let mut chart = ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 18))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(0f64..groups.len() as f64, (lowest - 0.05)..1.05)?;
    let names: Vec<String> = groups
        .iter()
        .map(|group| {
            format!(
                "{} {:.0} % ({})",
                group.group.kind.name(),
                100.0 * group.group.accuracy,
                group.group.workers
            )
        })
        .collect();
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_desc("share of the price")
        .y_label_formatter(&|share| format!("{share:.1}"))
        .draw()?;
    for ((left, group), name) in (0..).map(f64::from).zip(groups).zip(&names) {
        let bar = |from: f64, to: f64, low: f64, high: f64, color: RGBColor| {
            Rectangle::new([(left + from, low), (left + to, high)], color.filled())
        };
        chart.draw_series([bar(0.2, 0.6, 0.0, group.share, PAID)])?;
        if (group.net - group.share).abs() > 0.001 {
            let (low, high) = (group.net.min(0.0), group.net.max(0.0));
            chart.draw_series([bar(0.62, 0.8, low, high, LOST)])?;
        }
        chart.draw_series([PathElement::new(
            vec![(left + 0.4, group.low), (left + 0.4, group.high)],
            BLACK,
        )])?;
        let style = ("sans-serif", 14).into_font().color(&BLACK);
        chart.draw_series([
            Text::new(name.clone(), (left + 0.1, lowest - 0.02), style.clone()),
            Text::new(
                format!("{:.2}", group.share),
                (left + 0.42, group.share + 0.04),
                style,
            ),
        ])?;
    }
    area.present()
}
