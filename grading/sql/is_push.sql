-- The bets of the grades that decided nothing: what was scored is the line.
recommendation IN ('OVER', 'UNDER') AND is_voided IS NOT TRUE AND actual_margin = 0
