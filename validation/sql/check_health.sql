-- Systems that are worse than the milestone, or than they were in the 30 days before the window, by more than chance
-- explains: the bound of the 99 % interval on the near side is beyond the limit. Win rates by Wilson's interval (E. B.
-- Wilson, Journal of the American Statistical Association 22, 1927), mean errors by the normal one. 99 %, as each system
-- is looked at each day.
WITH periods AS (
  SELECT
    system_id,
    game_date >= ${start} AS is_now,
    COUNT(prediction_correct) AS bets,
    CAST(COUNTIF(prediction_correct) AS FLOAT64) AS wins,
    COUNT(IF(is_voided, NULL, absolute_error)) AS errors,
    CAST(AVG(IF(is_voided, NULL, absolute_error)) AS FLOAT64) AS mae,
    CAST(STDDEV_SAMP(IF(is_voided, NULL, absolute_error)) AS FLOAT64) AS deviation
  FROM ${accuracy}
  WHERE game_date BETWEEN ${thirty_days_before} AND ${yesterday}
  GROUP BY system_id, is_now
),
bounds AS (
  SELECT
    *,
    SAFE_DIVIDE(wins, bets) AS win_rate,
    (wins + 3.317448) / (bets + 6.634897)
      - 2.575829 / (bets + 6.634897) * SQRT(IFNULL(SAFE_DIVIDE(wins * (bets - wins), bets), 0) + 1.658724) AS win_low,
    (wins + 3.317448) / (bets + 6.634897)
      + 2.575829 / (bets + 6.634897) * SQRT(IFNULL(SAFE_DIVIDE(wins * (bets - wins), bets), 0) + 1.658724) AS win_high,
    mae - 2.575829 * IFNULL(deviation, 0) / SQRT(GREATEST(errors, 1)) AS mae_low,
    mae + 2.575829 * IFNULL(deviation, 0) / SQRT(GREATEST(errors, 1)) AS mae_high
  FROM periods
),
compared AS (
  SELECT
    now.system_id,
    now.mae,
    now.win_rate,
    now.bets,
    now.errors,
    before.mae AS mae_before,
    before.win_rate AS win_rate_before,
    now.errors >= 30 AND now.mae_low > ${milestone_mae} AS mae_beyond_limit,
    before.errors >= 30 AND now.errors >= 30 AND now.mae_low > before.mae_high AS mae_worse,
    now.bets >= 30 AND now.win_high < ${milestone_win_rate} AS win_rate_below_limit,
    before.bets >= 30 AND now.bets >= 30 AND now.win_high < before.win_low AS win_rate_worse
  FROM bounds AS now
  LEFT JOIN bounds AS before ON before.system_id = now.system_id AND NOT before.is_now
  WHERE now.is_now
),
findings AS (
  SELECT
    system_id,
    CONCAT(
      system_id,
      IF(mae_beyond_limit, ' error beyond the limit', IF(mae_worse, ' error worse than its own before', '')),
      IF(
        win_rate_below_limit, ' win rate below the limit', IF(win_rate_worse, ' win rate worse than its own before', '')
      ),
      ': MAE ', IFNULL(CAST(ROUND(mae, 2) AS STRING), 'unknown'),
      ' (before ', IFNULL(CAST(ROUND(mae_before, 2) AS STRING), 'unknown'),
      '), win rate ', IFNULL(CAST(ROUND(win_rate * 100, 1) AS STRING), 'unknown'), ' % of ', CAST(bets AS STRING),
      ' (before ', IFNULL(CAST(ROUND(win_rate_before * 100, 1) AS STRING), 'unknown'), ' %)'
    ) AS sample
  FROM compared
  WHERE mae_beyond_limit OR mae_worse OR win_rate_below_limit OR win_rate_worse
)
SELECT
  COUNT(*) AS model_health,
  STRING_AGG(sample, '; ' ORDER BY system_id LIMIT 20) AS model_health_samples
FROM findings
