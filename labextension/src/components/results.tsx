import * as React from 'react';
import type { IPlace, IResults } from '../submit';

interface IProps {
  results: IResults;
  open: (place: IPlace) => void;
  close: () => void;
}

/** What a command has found, until it is closed. */
export function Results({ results, open, close }: IProps): JSX.Element {
  return (
    <section className="jp-CodeAssist-results" aria-label="Results">
      <div className="jp-CodeAssist-actions">
        <strong role="status">{results.title}</strong>
        <span className="jp-CodeAssist-gap" />
        <button aria-label="Close the results" onClick={close}>
          ×
        </button>
      </div>
      {results.entries.length > 0 && (
        <ul tabIndex={0} aria-label={results.title}>
          {results.entries.map(({ label, detail, place }, index) => (
            <li key={index}>
              {place ? (
                <button className="jp-CodeAssist-chip" onClick={() => open(place)}>
                  {label}
                </button>
              ) : (
                <strong>{label}</strong>
              )}{' '}
              <span className="jp-CodeAssist-detail">{detail}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
