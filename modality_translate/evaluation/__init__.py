"""How good a translation is: scores by published definitions, honest floors, pictures and a report."""

from modality_translate.evaluation.baselines import LookupTable, water
from modality_translate.evaluation.figures import case_panel
from modality_translate.evaluation.metrics import METRICS, PROTOCOLS, Protocol, limits_of, mae, psnr, tissue_mae
from modality_translate.evaluation.report import Flicker, Panel, ReportContent, write_report
from modality_translate.evaluation.results import Case, Evaluation, Failure, Statistics
from modality_translate.evaluation.scoring import Pair, load_pair, make_pair, score_case, score_folder, score_pair
from modality_translate.evaluation.ssim import ms_ssim, ssim

__all__ = [
    "METRICS",
    "PROTOCOLS",
    "Case",
    "Evaluation",
    "Failure",
    "Flicker",
    "LookupTable",
    "Pair",
    "Panel",
    "Protocol",
    "ReportContent",
    "Statistics",
    "case_panel",
    "limits_of",
    "load_pair",
    "mae",
    "make_pair",
    "ms_ssim",
    "psnr",
    "score_case",
    "score_folder",
    "score_pair",
    "ssim",
    "tissue_mae",
    "water",
    "write_report",
]
