import { Component, type ErrorInfo, type ReactNode } from 'react';
import { ErrorState } from '../state/ErrorState';

interface Props {
  children: ReactNode;
  /** Changing it clears the error: the route's address, for example. */
  resetKey?: string;
}

/** What a screen throws stays in that screen. */
export class ErrorBoundary extends Component<Props, { error: unknown; key: string | undefined }> {
  override state: { error: unknown; key: string | undefined } = { error: undefined, key: this.props.resetKey };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  static getDerivedStateFromProps(props: Props, state: { key: string | undefined }) {
    return props.resetKey === state.key ? null : { error: undefined, key: props.resetKey };
  }

  override componentDidCatch(error: unknown, info: ErrorInfo) {
    console.error(error, info.componentStack);
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return <ErrorState error={this.state.error} onRetry={() => this.setState({ error: undefined })} page />;
  }
}
