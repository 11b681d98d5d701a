# SPDX-License-Identifier: Apache-2.0
# Node programs in tests: the packages of t/node/package.json are installed once per build folder.
package FHIR::Test::Node;

use strict;
use warnings;
use Exporter 'import';
use FHIR::Test::System qw(build_dir read_file run source_dir write_file);
use Fcntl qw(:flock);

our @EXPORT_OK = qw(node);

# Runs a program of t/node/ (or any path) with the packages in reach: { status, out, err }.
sub node {
    my ($program, @arguments) = @_;
    my $path = $program =~ m{/} ? $program : source_dir() . "/t/node/$program";
    return run({ env => { NODE_PATH => packages() } }, 'node', $path, @arguments);
}

# The folder node_modules; dies when npm cannot install.
sub packages {
    my $dir = build_dir() . '/t/node';
    my $wanted = read_file(source_dir() . '/t/node/package.json');
    system 'mkdir', '-p', $dir;
    open my $lock, '>', "$dir/lock" or die "$dir/lock: $!\n";
    flock $lock, LOCK_EX;
    if (!-e "$dir/packages/installed" || read_file("$dir/packages/installed") ne $wanted) {
        write_file("$dir/packages/package.json", $wanted) if system('mkdir', '-p', "$dir/packages") == 0;
        my $done = run({ dir => "$dir/packages" }, 'npm', 'install', '--no-audit', '--no-fund',
            '--no-package-lock', '--ignore-scripts', '--omit=optional', '--loglevel=error');
        die "npm install failed:\n$done->{out}$done->{err}" if $done->{status};
        write_file("$dir/packages/installed", $wanted);
    }
    return "$dir/packages/node_modules";
}

1;
