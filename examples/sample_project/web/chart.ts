/** The revenue chart of the dashboard. */

import { formatCurrency } from "./format";

export interface MonthlyRevenue {
  region: string;
  month: string;
  revenue: number;
}

/** Groups the report's rows by region, months in order. */
export function groupByRegion(rows: MonthlyRevenue[]): Map<string, MonthlyRevenue[]> {
  const groups = new Map<string, MonthlyRevenue[]>();
  for (const row of rows) {
    const group = groups.get(row.region) ?? [];
    group.push(row);
    groups.set(row.region, group);
  }
  for (const group of groups.values()) {
    group.sort((a, b) => a.month.localeCompare(b.month));
  }
  return groups;
}

export class RevenueChart {
  constructor(private readonly canvas: HTMLCanvasElement) {}

  /** Draws one line per region, the highest month labelled. */
  draw(rows: MonthlyRevenue[]): void {
    const context = this.canvas.getContext("2d");
    if (!context) {
      throw new Error("this browser cannot draw on a canvas");
    }
    for (const [region, months] of groupByRegion(rows)) {
      const peak = Math.max(...months.map((month) => month.revenue));
      context.fillText(`${region}: ${formatCurrency(peak)}`, 8, 16);
    }
  }
}
