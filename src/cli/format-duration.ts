/** A duration as tables show it. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds <= 0) return 'over';
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 1) return `${Math.ceil(milliseconds / 1000)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
