/** Formats an amount in euros the way the reader's language does. */
export const formatCurrency = (amount: number, locale?: string): string =>
  new Intl.NumberFormat(locale, { style: "currency", currency: "EUR" }).format(amount);
